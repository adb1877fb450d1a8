"""Measure the engine, beside other backtesting packages: `make bench`, or `python benchmarks/engine.py`.

Each line is a process of its own, in turn, warm (compiled before the clock starts), on one core. The clock counts
processor time, so other work on the machine does not matter. The other packages are installed into var/peers on the
first run; `--no-peers` leaves them out, `--quick` measures less.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import venv

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
from workload import FAST, FEES, MINUTE_FAST, MINUTE_FEES, MINUTE_SLOW, MINUTES, SLOW, closes, pairs, walk  # noqa: E402

PEERS = ROOT / "var" / "peers"
PINS = ("vectorbt==1.2.0", "vectorbt-rust==1.2.0", "backtesting==0.6.6")
AXES = {
    "sma_cross": {"fast": FAST, "slow": SLOW},
    "ema_cross": {"fast": FAST, "slow": SLOW},
    "macd": {"fast": range(5, 21), "slow": range(22, 62, 2), "signal": range(5, 21)},
    "rsi_reversal": {"period": range(2, 30), "entry_level": range(10, 36), "exit_level": range(45, 80, 5)},
    "bollinger_reversal": {"window": range(10, 100), "width": {"start": 0.5, "stop": 3.2, "step": 0.05}},
    "bollinger_breakout": {"window": range(10, 100), "width": {"start": 0.5, "stop": 3.2, "step": 0.05}},
    "donchian_breakout": {"exit_window": range(5, 50), "entry_window": range(50, 250, 2)},
    "momentum": {"skip": range(20), "lookback": range(21, 500, 2)},
    "grid_dca": {
        "grid_interval": {"start": 0.02, "stop": 0.2, "step": 0.01}, "max_lots": [5, 10, 20],
        "profit_requirement": {"start": 0.02, "stop": 0.3, "step": 0.02},
        "trailing_stop": [0, 0.02, 0.04, 0.06, 0.08, 0.1],
    },
    "periodic_dca": {"every": range(1, 64, 3), "instalments": range(4, 121, 4), "profit_requirement": [0, 0.2, 0.5]},
    "volatility_target": {
        "window": range(10, 126, 4), "target": {"start": 0.05, "stop": 0.4, "step": 0.05}, "every": [5, 21],
    },
}  # fmt: skip
STOPS = {"stop_loss": [0.02], "take_profit": [0.04], "trailing_stop": [0.02]}
GROWTH = (5_000, 50_000, 500_000, 1_000_000)
GROWTH_IN_BARS = (8_000, 80_000, 800_000, MINUTES)
# Target tests a second on one core of the reference machine, where vectorbt's kernels reach KERNELS; on another machine
# the target scales with them. The default is 100,000.
KERNELS = 5_000 / 1.94
TARGETS = {
    "sma_cross": 300_000, "fifty_thousand": 400_000, "many_symbols": 180_000, "own_numba": 40_000, "own_numpy": 1_000,
}  # fmt: skip
NO_TARGET = {"periodic_dca", "volatility_target"}
TARGET_START_S = 1.2
FIRST_TEST = """
import sys
sys.modules["scipy"] = None  # installed for the peers only; Numba would import it
from backtester.celery import app
app.loader.import_default_modules()
from backtester.engine import warm_up
warm_up(strategies=("sma_cross",))
"""


def sweep_seconds(grid, prices, rules, repeats):
    """Return the best of some runs over all symbols: other load only makes a run slower."""
    from backtester.engine import run_slice

    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        total = 0.0
        for number, bars in enumerate(prices):
            start, stop = grid.span(number)
            for first in range(start, stop, 100_000):
                result = run_slice(grid, bars, first, min(first + 100_000, stop), rules)
                total += float(np.nansum(result.metrics[0]))
        best = min(best, time.process_time() - began)
    return best, total


def ours(task, count, repeats):
    """Measure the engine once."""
    from backtester.engine import Grid, Rules, get_strategy, run_slice
    from backtester.engine.metrics.metrics import N_METRICS
    from backtester.engine.sweep import prices_of

    name, _, direction = task.partition(":")
    if name == "bars":
        return many_bars(count, repeats, direction)
    if name == "parts":
        return parts(direction or "long", repeats)
    table = closes()
    symbols = [symbol for symbol in table.columns if symbol != "SP500"]
    if name in ("own_numba", "own_numpy"):
        strategy, axes, symbols = own_strategy(name), {"fast": FAST, "slow": SLOW}, ["AAPL"]
    elif name == "many_symbols":
        strategy, axes = get_strategy("sma_cross"), {"fast": FAST[::5], "slow": SLOW[::4]}
    elif name == "fifty_thousand":
        strategy, axes, symbols = get_strategy("sma_cross"), {"fast": FAST, "slow": range(60, 1_060)}, ["AAPL"]
    elif name == "growth":
        width = max(1, count // 20 // 50)
        strategy, axes = (
            get_strategy("sma_cross"),
            {"fast": FAST, "slow": [60 + 1_000 * i // width for i in range(width)]},
        )
    else:
        strategy, axes, symbols = get_strategy(name), AXES[name], ["AAPL"]
    grid = Grid(strategy, symbols, axes)
    prices = [prices_of(symbol, table[symbol]) for symbol in symbols]
    rules = Rules(fees=FEES, direction=direction or "long")
    run_slice(grid, prices[0], 0, 2, rules)  # compiled, or loaded from the cache
    seconds, total = sweep_seconds(grid, prices, rules, repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"count": grid.size, "seconds": seconds, "peak": peak, "total": total, "numbers": N_METRICS}


def many_bars(count, repeats, name):
    """Measure 500 SMA crosses, or 500 tests of a strategy with stops, over a synthetic walk of so many bars.

    The bars are a day apart for want of a calendar.
    """
    from backtester.engine import Grid, Prices, Rules, get_strategy, run_slice
    from backtester.engine.metrics.metrics import N_METRICS

    prices = Prices("WALK", np.arange(count).astype("datetime64[D]"), walk(count))
    grid = Grid(get_strategy("sma_cross"), ["WALK"], {"fast": MINUTE_FAST, "slow": MINUTE_SLOW})
    if name:
        grid = Grid(get_strategy(name), ["WALK"], AXES[name] | STOPS)
    rules, size = Rules(fees=MINUTE_FEES), min(500, grid.size)
    run_slice(grid, prices, 0, 2, rules)
    seconds = min(processor_seconds(lambda: run_slice(grid, prices, 0, size, rules)) for _ in range(repeats))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"count": size, "seconds": seconds, "peak": peak, "numbers": N_METRICS}


def parts(direction, repeats):
    """Measure sums over 16 parts of the series against the sweep, in turn; medians of the ratios."""
    from backtester.engine import Grid, Rules, get_strategy, run_slice
    from backtester.engine.sweep import prices_of
    from backtester.engine.time_blocks import block_sums, return_sums

    prices, strategy, rules = prices_of("AAPL", closes()["AAPL"]), get_strategy("sma_cross"), Rules(direction, FEES)
    grid = Grid(strategy, ["AAPL"], {"fast": FAST, "slow": SLOW})
    edges = np.linspace(0, prices.n_bars, 17).astype(np.int64)
    ways = {
        "sweep": lambda: run_slice(grid, prices, 0, grid.size, rules),
        "returns": lambda: return_sums(prices, grid, 0, grid.size, rules, edges),
        "everything": lambda: block_sums(strategy, prices, grid, 0, grid.size, rules, edges),
    }
    rounds = [{name: processor_seconds(way) for name, way in ways.items()} for _ in range(repeats + 1)][1:]
    return {name: round(float(np.median([one[name] / one["sweep"] for one in rounds])), 3) for name in ways}


def processor_seconds(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def own_strategy(kind):
    """Return a user's own SMA cross, compiled or plain."""
    import numba

    from backtester.engine import Parameter, below, from_function

    def averages(close, window):
        sums = np.concatenate((np.zeros(1), np.cumsum(close)))
        result = np.full(len(close), np.nan)
        result[window - 1 :] = (sums[window:] - sums[:-window]) / window
        return result

    def plain(close, fast, slow):
        with np.errstate(invalid="ignore"):
            return np.where(averages(close, fast) > averages(close, slow), 1.0, 0.0)

    @numba.njit(nogil=True)
    def compiled(close, fast, slow):
        exposure = np.zeros(len(close))
        a = b = 0.0
        for t in range(len(close)):
            a += close[t] - (close[t - fast] if t >= fast else 0.0)
            b += close[t] - (close[t - slow] if t >= slow else 0.0)
            exposure[t] = 1.0 if t >= slow - 1 and a * slow > b * fast else 0.0
        return exposure

    suggested = {"start": 5, "stop": 50, "step": 5}
    parameters = tuple(Parameter(n, "int", 20, 1, 5_000, "bars", n, "", suggested) for n in ("fast", "slow"))
    function = plain if kind == "own_numpy" else compiled
    return from_function(function, name=kind, title=kind, parameters=parameters, constraints=(below("fast", "slow"),))


def measured(*command):
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1_800, check=False)
    if answer.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{answer.stderr[-2_000:]}")
    return json.loads(answer.stdout.splitlines()[-1])


def peers_python():
    """Return the interpreter of the peers' environment; create it when it is missing or outdated."""
    python, made = PEERS / "bin" / "python", PEERS / "made"
    if not made.exists() or made.read_text() != str(PINS):
        say(f"Making {PEERS.relative_to(ROOT)} with {', '.join(PINS)} ...")
        venv.create(PEERS, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", *PINS], check=True)
        made.write_text(str(PINS))
    return python


def say_cold_start():
    """Say the medians of five from process start to the end of a worker's first test, with cached kernels."""
    from backtester.stack.worker import SETTINGS

    seconds = []
    for _ in range(6):  # the first fills the caches
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", FIRST_TEST], cwd=ROOT, check=True, env=os.environ | SETTINGS)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        seconds.append((time.perf_counter() - began, used))
    wall, used = (sorted(values)[2] for values in zip(*seconds[1:], strict=True))
    say(
        f"\nA first test ends {wall:.2f} s after the worker process started (target {TARGET_START_S:g} s), "
        f"{used:.2f} s of processor time."
    )


def against(rate, target, speed):
    """Compare a rate with its target, as it is and scaled to the speed of this machine."""
    if not target:
        return ""
    scaled = "" if speed is None else f", {rate / target / speed:.0%} at the speed of this machine"
    return f"{rate / target:.0%} of {target:,}{scaled}"


def speed_of_this_machine():
    """Return the speed of vectorbt's kernels here as a share of the reference machine's: the best of three."""
    command = (peers_python(), ROOT / "benchmarks" / "peers.py", "kernels", "5000")
    rate = max(answer["count"] / answer["seconds"] for answer in (measured(*command) for _ in range(3)))
    say(f"vectorbt's kernels reach {rate:,.0f} tests/s here, {KERNELS:,.0f} on the reference machine.\n")
    return rate / KERNELS


def say(line=""):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(name, answer, note=""):
    count, seconds = answer["count"], answer["seconds"]
    rate = count / seconds
    say(f"| {name:34} | {count:9,} | {seconds:9.4f} | {1e6 * seconds / count:9.2f} | {rate:11,.0f} "
        f"| {answer['peak'] / 2**20:7,.0f} | {note} |")  # fmt: skip


def agreement(theirs, count):
    """Return the largest relative difference of final wealth between a peer and the engine, over the same pairs."""
    from backtester.engine import Grid, Rules, get_strategy, run_slice
    from backtester.engine.sweep import prices_of

    bars = prices_of("AAPL", closes()["AAPL"])
    grid = Grid(get_strategy("sma_cross"), ["AAPL"], {"fast": FAST, "slow": SLOW})
    all_returns = run_slice(grid, bars, 0, grid.size, Rules(fees=FEES)).metrics[0]
    indices = [FAST.index(a) * len(SLOW) + SLOW.index(b) for a, b in pairs(count)]
    wealth = 1 + all_returns[indices]
    return float(np.max(np.abs((1 + np.array(theirs)) / wealth - 1)))


def compare(quick):
    say("\nBeside the peers: SMA cross, AAPL, 8,313 closes, six numbers or more for each combination\n")
    head()
    us = measured(sys.executable, __file__, "--task", "sma_cross", "--repeats", "9")
    row("the engine", us, f"{us['numbers']} numbers each")
    python = peers_python()
    peers = (("vectorbt", 500 if quick else 5_000), ("kernels", 5_000), ("backtesting", 10 if quick else 40))
    for task, count in peers:
        theirs = measured(python, ROOT / "benchmarks" / "peers.py", task, str(count))
        times = theirs["seconds"] / count * us["count"] / us["seconds"]
        apart = agreement(theirs["returns"], count)
        row(theirs["name"], theirs, f"{times:,.0f} times as long; final wealth within {apart:.0e}")
        if apart > 1e-9:
            raise SystemExit(f"{theirs['name']} does not agree with the engine: {apart:.3g} apart.")


def compare_minutes():
    say("\nBeside vectorbt's kernels on minutes: SMA cross, 2,600,000 closes\n")
    head()
    us = measured(sys.executable, __file__, "--task", "bars", "--count", str(MINUTES), "--repeats", "2")
    row("the engine", us, f"{us['numbers']} numbers each")
    theirs = measured(peers_python(), ROOT / "benchmarks" / "peers.py", "minutes", "4")
    times = theirs["seconds"] / theirs["count"] * us["count"] / us["seconds"]
    row(theirs["name"], theirs, f"{times:,.0f} times as long")


def head():
    say(f"| {'':34} | {'tests':>9} | {'CPU s':>9} | {'µs/test':>9} | {'tests/CPU s':>11} | {'peak MB':>7} | |")
    say(f"|{'-' * 36}|{'-' * 11}|{'-' * 11}|{'-' * 11}|{'-' * 13}|{'-' * 9}|---|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-peers", action="store_true", help="leave vectorbt and backtesting.py out")
    parser.add_argument("--quick", action="store_true", help="fewer tests for the peers, growth to 50,000")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=5, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", action="store_true", help="only vectorbt's kernels on minutes")
    parser.add_argument("--first-test", action="store_true", help="only the first test of a worker process")
    options = parser.parse_args()
    if options.first_test:
        say_cold_start()
        return
    if options.minutes:
        compare_minutes()
        return
    if options.task:
        say(json.dumps(ours(options.task, options.count, options.repeats)))
        return
    speed = None if options.no_peers else speed_of_this_machine()
    say("Strategies: one core, AAPL, 8,313 closes, fees 0.1 %, best of five\n")
    head()
    tasks = [*AXES, "sma_cross:both", "grid_dca:both", "fifty_thousand", "many_symbols", "own_numba", "own_numpy"]
    for task in tasks:
        answer = measured(sys.executable, __file__, "--task", task)
        target = TARGETS.get(task, None if task in NO_TARGET or ":" in task else 100_000)
        row(task, answer, against(answer["count"] / answer["seconds"], target, speed))
    say("\nGrowth: SMA cross, 20 symbols\n")
    head()
    for count in GROWTH[: 2 if options.quick else 4]:
        command = ("--task", "growth", "--count", str(count), "--repeats", "1" if count > 100_000 else "3")
        answer = measured(sys.executable, __file__, *command)
        row(f"{count:,}", answer)
    say("\nGrowth in bars: 500 SMA crosses\n")
    head()
    for count in GROWTH_IN_BARS[: 2 if options.quick else 4]:
        answer = measured(sys.executable, __file__, "--task", "bars", "--count", str(count), "--repeats", "2")
        row(f"{count:,} bars", answer, f"{1e9 * answer['seconds'] / answer['count'] / count:.3f} ns a bar and test")
    say_cold_start()
    if not options.no_peers:
        compare(options.quick)
        compare_minutes()


if __name__ == "__main__":
    main()
