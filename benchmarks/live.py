"""Measure live updates: lateness, losses, and the cost of a watcher. `make bench-live`, or by hand:

    python -m benchmarks.live [--quick] [--server daphne uvicorn bare] [--case ws-2000 ...] [--seconds 5]

Real Valkey, real server, real sockets. Watchers run in two separate processes; this one announces for batches without a
worker, so that computing does not share the cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil

from benchmarks.live_announcer import PREFIX, Announcer
from benchmarks.live_parts import environment, make_batches, running, server, valkey
from benchmarks.live_watchers import Tally, open_watchers, raise_file_limit

SETTLE_S = 4.0  # the server collects its garbage when a crowd has arrived
STEP_S = 3.0
BEARABLE_S = 0.2  # later than this is saturated


class Case(NamedTuple):
    """Watchers over batches, and the rates of each batch that are tried one after the other, in events a second."""

    watchers: int
    batches: int
    rates: tuple[float, ...] = (2.0,)
    sse: bool = False
    servers: tuple[str, ...] = ("daphne", "uvicorn", "bare")


CASES = {
    "ws-2000": Case(2_000, 50),
    "ws-5000": Case(5_000, 50),
    "hot-2000": Case(2_000, 1),
    "hot-5000": Case(5_000, 1),
    "sse-2000": Case(2_000, 50, sse=True, servers=("daphne", "uvicorn")),
    "sse-5000": Case(5_000, 50, sse=True, servers=("daphne", "uvicorn")),
    "full-2000": Case(2_000, 50, rates=(6, 9, 12, 15, 18, 21, 24), servers=("daphne",)),
    "full-5000": Case(5_000, 50, rates=(4, 6, 8, 9, 10, 12)),
}
QUICK = ["ws-2000", "hot-2000", "sse-2000", "full-2000"]
# p99 in ms; for the full ones, events a second.
TARGETS = {
    ("ws-2000", "daphne"): 8, ("ws-5000", "daphne"): 15, ("hot-2000", "daphne"): 130, ("hot-5000", "daphne"): 350,
    ("hot-2000", "uvicorn"): 75, ("hot-5000", "uvicorn"): 150, ("sse-2000", "daphne"): 7, ("sse-5000", "daphne"): 200,
    ("sse-5000", "uvicorn"): 35, ("full-2000", "daphne"): 18_000, ("full-5000", "uvicorn"): 40_000,
}  # fmt: skip
MEMORY_TARGETS = {False: 30, True: 50}  # kB, by whether it is an event stream
HEAD = {
    "server": 11, "case": 9, "events/s": 8, "p50 ms": 7, "p95": 7, "p99": 7, "max": 7, "target": 9, "skipped": 8,
    "disordered": 10, "doubled": 7, "terminals": 9, "kB each": 12, "CPU": 5, "µs/event": 8,
}  # fmt: skip


@dataclass
class Outcome:
    """The result of one case. cpu : processor seconds of the server within `seconds`."""

    tally: Tally
    seconds: float
    cpu: float = 0.0
    kilobytes: float = 0.0

    def row(self, server_name: str, case: str) -> list[str]:
        """Return the cells of the table."""
        tally, sse = self.tally, CASES[case].sse if case in CASES else False
        terminals = ", ".join(f"{watchers:,}×{number}" for number, watchers in sorted(tally.terminals.items()))
        target = TARGETS.get((case, server_name))
        target_text = f"{target:,}" + ("/s" if target > 1_000 else "") if target else ""
        memory = f"{self.kilobytes:.1f}" + (f" (≤ {MEMORY_TARGETS[sse]})" if self.kilobytes else "")
        return [
            server_name, case, f"{tally.received / self.seconds:,.0f}",
            *(f"{quantile(tally.latencies, at) * 1000:,.1f}" for at in (0.5, 0.95, 0.99, 1)), target_text,
            f"{tally.skipped:,}", str(tally.disordered), str(tally.doubled), terminals, memory,
            f"{100 * self.cpu / self.seconds:.0f} %", f"{1e6 * self.cpu / max(tally.received, 1):.0f}",
        ]  # fmt: skip


class Step(NamedTuple):
    """An interval with one rate. Instants are those of `time.time`."""

    began: float
    ended: float
    published: int
    cpu: float


def quantile(values, at: float) -> float:
    """Return NaN if there are no values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * at))] if ordered else float("nan")


def measure(
    case: Case,
    process: subprocess.Popen,
    address: tuple[str, int],
    batches: list[uuid.UUID],
    announcer: Announcer,
    seconds: float,
) -> list[Outcome]:
    """Open the watchers, announce and count. Return an outcome for each rate."""
    announcer.sequence = 1  # the rows' own
    server_process = psutil.Process(process.pid)
    before = server_process.memory_info().rss
    whole = SETTLE_S + seconds * len(case.rates) + 15
    clients = open_watchers(address, batches, case.watchers, sse=case.sse, seconds=whole)
    kilobytes = (server_process.memory_info().rss - before) / case.watchers / 1024
    time.sleep(SETTLE_S)
    steps = []
    for number, rate in enumerate(case.rates, 1):
        used, began = sum(server_process.cpu_times()[:2]), time.time()
        published = announcer.run(batches, rate, seconds, last=number == len(case.rates))
        steps.append(Step(began, time.time(), published, sum(server_process.cpu_times()[:2]) - used))
    tally = Tally()
    for client, pipe in clients:
        tally.add(pipe.recv())
        client.join()
    if len(steps) == 1:
        return [Outcome(tally, steps[0].ended - steps[0].began, steps[0].cpu, kilobytes)]
    return [Outcome(part(tally, step, case), step.ended - step.began, step.cpu, kilobytes) for step in steps]


def part(tally: Tally, step: Step, case: Case) -> Tally:
    """Return the part of the tally that was announced in one step."""
    result = Tally(disordered=tally.disordered, doubled=tally.doubled, terminals=tally.terminals)
    result.latencies.extend(
        late for late, sent in zip(tally.latencies, tally.sent, strict=True) if step.began <= sent < step.ended
    )
    result.received = len(result.latencies)
    result.skipped = step.published * case.watchers // case.batches - result.received
    return result


def best(outcomes: list[Outcome]) -> Outcome:
    """Return the outcome with the most events among those that were not late."""
    bearable = [outcome for outcome in outcomes if quantile(outcome.tally.latencies, 0.99) <= BEARABLE_S] or outcomes[
        :1
    ]
    return max(bearable, key=lambda outcome: outcome.tally.received / outcome.seconds)


def floor(announcer: Announcer, data_dir: Path, seconds: float) -> list[str]:
    """Measure one bare subscriber: the cost of Redis and asyncio alone."""
    session_id = uuid.uuid4()
    log = data_dir / "floor.log"
    argv = [sys.executable, "-m", "benchmarks.live_fanout", PREFIX + session_id.hex]
    with running(argv, environment(data_dir), log) as process:
        while not log.read_text().startswith("ready"):
            time.sleep(0.05)
        announcer.run([session_id], 100, seconds)
        process.wait(10)
    late = orjson.loads(log.read_text().splitlines()[1])
    tally = Tally(received=len(late), terminals={1: 1})
    tally.latencies.extend(late)
    return Outcome(tally, seconds).row("redis alone", "floor")


def run(servers: list[str], cases: list[str], seconds: float, say) -> None:
    """Run each case against each server, always a fresh one."""
    with tempfile.TemporaryDirectory(prefix="live-") as folder, valkey(Path(folder)) as url:
        data_dir, announcer = Path(folder), Announcer(url)
        batches = make_batches(data_dir, max(CASES[name].batches for name in cases))
        say(floor(announcer, data_dir, min(seconds, 5)))
        for name in cases:
            case = CASES[name]
            # Without limits: the capacity is measured.
            limits = {"EVENT_INTERVAL_S": str(min(0.5, 0.5 / max(case.rates))), "STREAMS_MAX": "20000"}
            for kind in (name for name in case.servers if name in servers):
                with server(kind, data_dir, **limits) as (process, address):
                    parts = (case, process, address, batches[: case.batches], announcer)
                    outcomes = measure(*parts, seconds if len(case.rates) == 1 else min(seconds, STEP_S))
                    say(best(outcomes).row(kind, name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", nargs="+", default=["daphne", "uvicorn", "bare"])
    parser.add_argument("--case", nargs="+", choices=list(CASES))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--quick", action="store_true", help="four cases against the default server: two minutes")
    options = parser.parse_args()
    raise_file_limit()

    def say(row: list[str]) -> None:
        cells = (f"{cell:>{width}}" for cell, width in zip(row, HEAD.values(), strict=True))
        print("| " + " | ".join(cells) + " |", flush=True)

    print(f"{os.cpu_count()} cores, shared with the watchers; load {os.getloadavg()[0]:.1f} at the start", flush=True)
    say(list(HEAD))
    print("|" + "|".join("-" * (width + 1) + ":" for width in HEAD.values()) + "|")
    servers = ["daphne"] if options.quick else options.server
    run(servers, options.case or (QUICK if options.quick else list(CASES)), options.seconds, say)


if __name__ == "__main__":
    main()
