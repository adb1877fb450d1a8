"""What the verdict on luck costs, and how often it is wrong: on noise with drift, and on a planted edge.

    .venv/bin/python -m benchmarks.verdict cost --tests 5000     CPU of the verdict against that of the sweep
    .venv/bin/python -m benchmarks.verdict million               seconds of two workers and their memory, no shuffles
    .venv/bin/python -m benchmarks.verdict walk --tests 5000     CPU of the walk-forward against that of the sweep
    .venv/bin/python -m benchmarks.verdict line                  CPU of recording with the luck line and without it
    .venv/bin/python -m benchmarks.verdict noise --seeds 200     share of sweeps of noise that "hold up"
    .venv/bin/python -m benchmarks.verdict planted --seeds 50    share of planted edges that are found

One process works on a database of its own; seeds are 1, 2, 3, ...
"""

import argparse
import logging
import os
import resource
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

DEVIATION = 0.012  # of a day
SWEEPS = {  # 500 combinations each
    "sma_cross": {"fast": list(range(5, 55, 2)), "slow": list(range(60, 160, 5))},
    "donchian_breakout": {"exit_window": list(range(5, 30)), "entry_window": list(range(35, 135, 5))},
    "rsi_reversal": {
        "period": list(range(4, 24, 2)), "entry_level": list(range(20, 40, 2)), "exit_level": list(range(45, 70, 5)),
    },
    "bollinger_breakout": {"window": list(range(10, 60, 2)), "width": [round(0.5 + 0.1 * i, 1) for i in range(20)]},
    "momentum": {"skip": [0, 5, 10, 15, 20], "lookback": list(range(25, 225, 2))},
}  # fmt: skip
SAMPLE = Path(__file__).parents[1] / "backtester" / "sample_data" / "sp500_20_close.csv.gz"


def set_up(folder):
    """Point the settings at an empty database."""
    os.environ |= {"DATA_DIR": folder, "REDIS_URL": f"unix://{folder}/none.sock", "LOG_LEVEL": "ERROR"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
    import django

    django.setup()
    from django.core.management import call_command

    logging.disable(logging.ERROR)
    call_command("migrate", verbosity=0)


def walk(seed, years=15, drift=0.0004):
    """Return closes of a random walk with drift."""
    return 100 * np.exp(np.cumsum(np.random.RandomState(seed).normal(drift, DEVIATION, 252 * years)))


def planted(seed, years=15, sharpe=1.5, length=40):
    """Return closes whose drift turns its sign now and then. sharpe : yearly, of half the drift"""
    stream = np.random.RandomState(seed)
    bars = 252 * years
    signs = np.repeat(stream.choice([-1.0, 1.0], bars // length + 1), length)[:bars]
    return 100 * np.exp(np.cumsum(2 * sharpe * DEVIATION / np.sqrt(252) * signs + stream.normal(0, DEVIATION, bars)))


def swept(symbol, strategy, ranges, **changes):
    """Return the batch of all combinations, finished in this process."""
    from tests.support import jobs

    body = {"strategy": strategy, "symbols": [symbol], "sortBy": "sharpe", "fees": 0.0005, "timeoutSeconds": 3_600}
    return jobs.finish(jobs.submit(body | {"parameterRanges": ranges} | changes))


def states(name, closes_of, seeds, strategies):
    """Print how often each state comes out over the seeds, 500 combinations each, the strategies in turn."""
    from tests.batches.verdict.conftest import judge, store_prices

    found = {strategy: Counter() for strategy in strategies}
    for seed in range(1, seeds + 1):
        symbol, strategy = f"{name}{seed}", strategies[seed % len(strategies)]
        store_prices(symbol, closes_of(seed))
        direction = ("long", "both")[seed // len(strategies) % 2]
        found[strategy][judge(swept(symbol, strategy, SWEEPS[strategy], direction=direction))["state"]] += 1
        if seed % 10 == 0 or seed == seeds:
            counts = dict(sum(found.values(), Counter()))
            print(f"{name}, seeds 1 to {seed}, 500 combinations each, long and both: {counts}", flush=True)
    for strategy in strategies:
        print(f"  {strategy}: {dict(found[strategy])}")


def crosses(tests):
    """Return the ranges of about so many moving averages."""
    n_fast = 50 if tests <= 100_000 else 250
    return {"fast": list(range(5, 5 + n_fast)), "slow": list(range(60 + n_fast, 60 + n_fast + max(1, tests // n_fast)))}


def cost(tests):
    """Print the CPU of sweep and verdict on AAPL, in this thread."""
    from django.core.management import call_command

    from batches.models import Verdict
    from batches.verdict import turns as verdict_turns

    call_command("load_prices", str(SAMPLE), verbosity=0)
    ranges = crosses(tests)
    swept("AAPL", "sma_cross", {"fast": ranges["fast"][:10], "slow": ranges["slow"][:10]})  # compile
    while verdict_turns.take_turn():
        pass
    began = time.thread_time()
    session = swept("AAPL", "sma_cross", ranges, fees=0.001)
    sweep_s = time.thread_time() - began
    stages = defaultdict[str, float](float)
    while (row := Verdict.objects.filter(session=session).values_list("progress", flat=True).first()) is not None:
        began = time.thread_time()
        if not verdict_turns.take_turn():
            break
        stages[row.partition(":")[0] or "start"] += time.thread_time() - began
    answer = Verdict.objects.get(session=session).answer
    assert answer
    shuffle = answer["shuffle"]
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in stages.items())
    print(f"{session.total} tests of 8,313 bars: sweep {sweep_s:.2f} s, verdict {sum(stages.values()):.2f} s of CPU")
    print(f"{shuffle['draws'] if shuffle else 'no'} shuffled histories; {parts}")
    print(f"most memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def in_process(work):
    """Do work in a process that is forked. Return its pid."""
    from django.db import connections

    connections.close_all()
    if pid := os.fork():
        return pid
    try:
        work()
    finally:
        os._exit(0)


def used(pid):
    """Return the CPU seconds and the most memory, in MB, of a process, once it has ended."""
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def million(tests, workers):
    """Print the seconds from the end of a sweep to its verdict without shuffles, and what each process takes."""
    from django.core.management import call_command
    from django.utils import timezone

    from batches.models import BatchSession, Verdict
    from batches.verdict import jobs as verdict_jobs
    from batches.verdict import turns as verdict_turns
    from batches.verdict.options import Options

    def judged(session):
        while verdict_jobs.is_computing(session.pk):
            if not verdict_turns.take_turn():
                time.sleep(0.1)

    call_command("load_prices", str(SAMPLE), verbosity=0)
    small = {"fast": [5, 6, 7], "slow": [50, 60, 70]}
    used(in_process(lambda: judged(swept("AAPL", "sma_cross", small))))  # compile to the cache
    BatchSession.objects.all().delete()
    sweep_s, sweep_mb = used(in_process(lambda: swept("AAPL", "sma_cross", crosses(tests), fees=0.001)))
    session = BatchSession.objects.get()
    print(
        f"{session.total:,} tests of 8,313 bars: sweep {sweep_s:.1f} s of CPU, at most {sweep_mb:,.0f} MB", flush=True
    )

    Verdict.objects.all().delete()
    verdict_jobs.request(session, Options(shuffles=0), timezone.now())
    began = time.perf_counter()
    pids = [in_process(lambda: judged(session)) for _ in range(workers)]
    parts = [used(pid) for pid in pids]
    seconds = time.perf_counter() - began
    assert Verdict.objects.get().status == "ready"
    cpu, most = " + ".join(f"{part[0]:.1f}" for part in parts), max(part[1] for part in parts)
    print(f"verdict of {workers} workers: {seconds:.1f} s, {cpu} s of CPU", end="")
    print(f", at most {most:,.0f} MB a process, {most - sweep_mb:+,.0f} MB to the sweep; load {os.getloadavg()[0]:.1f}")


def walk_forward(tests, rounds=5):
    """Print the CPU of a walk-forward of 12 windows against that of the sweep, paired in this thread."""
    from django.core.management import call_command

    from backtester.engine import run_slice
    from backtester.engine.statistics.partitions import best_in_nb
    from backtester.engine.statistics.walk_forward import windows
    from backtester.engine.time_blocks import return_sums
    from batches.sweep.plan import plan_of

    call_command("load_prices", str(SAMPLE), verbosity=0)
    ranges = crosses(tests)
    plan = plan_of(swept("AAPL", "sma_cross", ranges, fees=0.001))
    prices, grid = plan.prices(0), plan.grid
    test = -(-(prices.n_bars - 1) // 17)
    train = 5 * test  # as by default
    cut = windows(prices.n_bars - 1, train, test)
    edges = np.unique([[w.start, w.train_end, w.test_end] for w in cut]) + 1
    included = np.ones(grid.size, dtype=np.bool_)

    def walk():
        sums = return_sums(prices, grid, 0, grid.size, plan.rules, edges)
        returns, squares = sums.returns, sums.squares
        for w in cut:
            first, last = np.searchsorted(edges, (w.start + 1, w.train_end + 1))
            best_in_nb(1.0, float(train), returns[last], returns[first], squares[last], squares[first], included)

    def sweep():
        run_slice(grid, prices, 0, grid.size, plan.rules)

    ratios = []
    for _ in range(rounds):
        took = []
        for run in (sweep, walk):
            began = time.thread_time()
            run()
            took.append(time.thread_time() - began)
        ratios.append(took[1] / took[0])
    ratio = float(np.median(ratios))
    print(f"walk-forward of {len(cut)} windows, {grid.size} tests: {ratio:.2f} of the sweep, by itself")


def luck_line(rounds=7):
    """Print the CPU that the luck line of the events takes of recording: within it, and paired with none, in turn."""
    from unittest import mock

    from django.core.management import call_command

    from batches.running import recording, tallying
    from batches.verdict import luck
    from tests.support import jobs

    call_command("load_prices", str(SAMPLE), verbosity=0)
    from batches.models import Instrument

    symbols = list(Instrument.objects.order_by("symbol").values_list("symbol", flat=True))
    ranges = crosses(5_000)
    small = {"fast": ranges["fast"][:5], "slow": ranges["slow"][:4]}
    took = defaultdict[str, float](float)

    def timed(name, function):
        def run(*arguments):
            began = time.thread_time()
            try:
                return function(*arguments)
            finally:
                took[name] += time.thread_time() - began

        return run

    store = timed("recording", recording._store_all)  # noqa: SLF001
    adding, setting = timed("line", luck.add_sharpes), timed("line", luck.set_luck)

    def record(names, tested, add, set_):
        body = {"strategy": "sma_cross", "symbols": names, "sortBy": "sharpe", "parameterRanges": tested}
        session, chunks = jobs.submit(body), 0
        took.clear()
        with (
            mock.patch.object(recording, "_store_all", store),
            mock.patch.multiple(tallying, add_sharpes=add, set_luck=set_),
        ):
            while chunk := jobs.claim(session.pk):
                jobs.run(chunk)
                chunks += 1
        session.delete()  # so that the last round does not search more rows than the first
        return took["recording"] / chunks * 1e6, took["line"] / chunks * 1e6, chunks

    for names, tested in ((["AAPL"], ranges), (symbols, small)):
        record(names, tested, adding, setting)  # compile
        none = [lambda *_: None] * 2
        pairs = [(record(names, tested, adding, setting), record(names, tested, *none)) for _ in range(rounds)]
        whole, line = np.median([one[:2] for one, _ in pairs], axis=0)
        ratio = np.median([one[0] / other[0] for one, other in pairs])
        print(f"{pairs[0][0][2]} chunks: to record one takes {whole:,.0f} us of CPU, of it", end="")
        print(f" {line:.0f} us for the luck line ({line / whole:.1%});", end="")
        print(f" {ratio:.3f} times as long as without it, median of {rounds} pairs", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cost", "million", "walk", "line", "noise", "planted"])
    parser.add_argument("--tests", type=int, help="default: 5,000 and a million")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        if options.what == "cost":
            cost(options.tests or 5_000)
        elif options.what == "million":
            million(options.tests or 1_000_000, options.workers)
        elif options.what == "walk":
            walk_forward(options.tests or 5_000)
        elif options.what == "line":
            luck_line()
        else:
            is_noise = options.what == "noise"
            strategies = list(SWEEPS) if is_noise else ["sma_cross"]
            states(options.what.upper(), walk if is_noise else planted, options.seeds, strategies)


if __name__ == "__main__":
    main()
