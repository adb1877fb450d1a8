"""Measure live updates: how late events are, what is lost, what a watcher costs. `make bench-live`, or by hand:

    python -m benchmarks.live [--server daphne uvicorn bare] [--case ws-2000 ...] [--seconds 10] [--markdown]

Real Valkey, real server, real sockets. Watchers sit in two processes of their own; this one announces in the name of
batches that nobody works on, so that the computing does not share the cores.
"""

import argparse
import multiprocessing
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil
import redis
from channels_redis.serializers import registry

from benchmarks.live_parts import environment, make_batches, running, server, valkey
from benchmarks.live_watchers import Tally, raise_file_limit, watch

EVENT_BYTES = 500
CLIENT_PROCESSES = 2
CONNECT_S = 60.0
SETTLE_S = 4.0  # the server puts its memory in order after so many have come
PREFIX = "backtester__group__batch."


class Case(NamedTuple):
    """So many watchers over so many batches, each announcing so often."""

    watchers: int
    batches: int
    rate: float = 2.0
    sse: bool = False


CASES = {
    "ws-2000": Case(2_000, 50),
    "ws-5000": Case(5_000, 50),
    "hot-2000": Case(2_000, 1),
    "hot-5000": Case(5_000, 1),
    "sse-2000": Case(2_000, 50, sse=True),
    "sse-5000": Case(5_000, 50, sse=True),
    "full-2000-12k": Case(2_000, 50, rate=6),
    "full-2000-18k": Case(2_000, 50, rate=9),
    "full-2000-24k": Case(2_000, 50, rate=12),
    "full-5000-20k": Case(5_000, 50, rate=4),
    "full-5000-30k": Case(5_000, 50, rate=6),
    "full-5000-40k": Case(5_000, 50, rate=8),
}


@dataclass
class Outcome:
    """What one case gave. published : events announced; cpu : cores used by the server while they were."""

    tally: Tally
    published: int
    seconds: float
    cpu: float
    kilobytes: float

    def row(self, server_name: str, case: str) -> list[str]:
        """For the table."""
        tally = self.tally
        late = sorted(tally.latencies)
        quantiles = (
            [late[min(len(late) - 1, int(len(late) * at))] * 1000 for at in (0.5, 0.95, 0.99, 1)] if late else []
        )
        terminals = ", ".join(f"{watchers:,}×{number}" for number, watchers in sorted(tally.terminals.items()))
        return [
            server_name, case, f"{tally.received / self.seconds:,.0f}",
            *(f"{milliseconds:,.1f}" for milliseconds in quantiles or [float("nan")] * 4),
            f"{tally.skipped:,}", str(tally.disordered), str(tally.doubled), terminals,
            f"{self.kilobytes:.1f}", f"{100 * self.cpu:.0f} %", f"{1e6 * self.cpu * self.seconds / tally.received:.0f}",
        ]  # fmt: skip


HEAD = [
    "server", "case", "events/s", "p50 ms", "p95", "p99", "max", "skipped", "disordered", "doubled", "terminals",
    "kB each", "CPU", "µs/event",
]  # fmt: skip


class Announcer:
    """Publishes as the workers do."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.serializer = registry.get_serializer("msgpack")

    def announce(self, session_id: uuid.UUID, sequence: int, kind: str = "progress") -> None:
        """One event of the usual size."""
        event = {"type": kind, "sessionId": str(session_id), "sequence": sequence, "sentAtMs": time.time() * 1000}
        text = orjson.dumps(event | {"filler": ""}).decode()
        text = f'{text[:-2]}{"x" * (EVENT_BYTES - len(text))}"}}'
        message = {
            "type": "batch.event",
            "session": session_id.hex,
            "kind": kind,
            "sequence": sequence,
            "sentAtMs": event["sentAtMs"],
            "text": text,
        }
        self.client.publish(PREFIX + session_id.hex, self.serializer.serialize(message))

    def run(self, batches: list[uuid.UUID], rate: float, seconds: float) -> int:
        """Every batch at its own moment, evenly spread; a terminal event for each at the end. How many were sent."""
        rounds, began = int(seconds * rate), time.monotonic()
        for number in range(rounds * len(batches)):
            at, which = divmod(number, len(batches))
            left = began + number / len(batches) / rate - time.monotonic()
            if left > 0:
                time.sleep(left)
            self.announce(batches[which], at + 2)  # the row's own sequence is 1
        time.sleep(1 / rate)  # a terminal event right behind the last progress would replace it, rightly
        for session_id in batches:
            self.announce(session_id, rounds + 2, "complete")
            time.sleep(0.5 / len(batches))
        return (rounds + 1) * len(batches)


def measure(
    case: Case,
    process: subprocess.Popen,
    address: tuple[str, int],
    batches: list[uuid.UUID],
    announcer: Announcer,
    seconds: float,
) -> Outcome:
    """Open the watchers, announce, count."""
    seen = psutil.Process(process.pid)
    before = seen.memory_info().rss
    clients = open_watchers(case, address, batches, seconds)
    kilobytes = (seen.memory_info().rss - before) / case.watchers / 1024
    time.sleep(SETTLE_S)
    used, began = sum(seen.cpu_times()[:2]), time.monotonic()
    published = announcer.run(batches, case.rate, seconds)
    took = time.monotonic() - began
    cpu = (sum(seen.cpu_times()[:2]) - used) / took
    tally = Tally()
    for client, pipe in clients:
        tally.add(pipe.recv())
        client.join()
    return Outcome(tally, published, took, cpu, kilobytes)


def open_watchers(
    case: Case, address: tuple[str, int], batches: list[uuid.UUID], seconds: float
) -> list[tuple[multiprocessing.Process, Connection]]:
    """Two processes of watchers, all connected."""
    context = multiprocessing.get_context("spawn")
    path = "/api/backtest/batch/stream?sessionId={}" if case.sse else "/ws/backtest/batch/{}/"
    paths = [path.format(batches[number % len(batches)].hex) for number in range(case.watchers)]
    clients = []
    for number in range(CLIENT_PROCESSES):
        ours, theirs = context.Pipe()
        settings = {"sse": case.sse, "seconds": CONNECT_S + SETTLE_S + seconds + 10}
        client = context.Process(target=watch, args=(theirs, address, paths[number::CLIENT_PROCESSES]), kwargs=settings)
        client.start()
        theirs.close()
        clients.append((client, ours))
    for _, pipe in clients:
        assert pipe.poll(CONNECT_S), "the watchers were not connected in time"
        said = pipe.recv()
        assert said == "connected", said
    return clients


def floor(announcer: Announcer, data_dir: Path, seconds: float) -> list[str]:
    """One bare subscriber: what Redis and asyncio cost alone."""
    session_id = uuid.uuid4()
    log = data_dir / "floor.log"
    argv = [sys.executable, "-m", "benchmarks.live_fanout", PREFIX + session_id.hex]
    with running(argv, environment(data_dir), log) as process:
        while not log.read_text().startswith("ready"):
            time.sleep(0.05)
        announcer.run([session_id], 100, seconds)
        process.wait(10)
    late = orjson.loads(log.read_text().splitlines()[1])
    outcome = Outcome(Tally(received=len(late), terminals={1: 1}), len(late), seconds, 0, 0)
    outcome.tally.latencies.extend(late)
    return outcome.row("redis alone", "floor")


def run(servers: list[str], cases: list[str], seconds: float, say) -> None:
    """Each case against each server, one after the other, each with a fresh server."""
    with tempfile.TemporaryDirectory(prefix="live-") as folder, valkey(Path(folder)) as url:
        data_dir, announcer = Path(folder), Announcer(url)
        batches = make_batches(data_dir, max(CASES[name].batches for name in cases))
        say(floor(announcer, data_dir, min(seconds, 5)))
        for name in cases:
            case = CASES[name]
            for kind in servers:
                if kind == "bare" and case.sse:
                    continue
                # The limits are lifted: what is measured is how much can be carried.
                limits = {"EVENT_INTERVAL_S": str(min(0.5, 0.5 / case.rate)), "STREAMS_MAX": "20000"}
                with server(kind, data_dir, **limits) as (process, address):
                    used = batches[: case.batches]
                    say(measure(case, process, address, used, announcer, seconds).row(kind, name))


def main() -> None:
    """Parse, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", nargs="+", default=["daphne", "uvicorn", "bare"])
    parser.add_argument("--case", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    raise_file_limit()
    widths = [11, 13, 8, 8, 7, 7, 7, 7, 10, 7, 12, 7, 5, 8]

    def say(row: list[str]) -> None:
        print("| " + " | ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) + " |", flush=True)

    say(HEAD)
    print("|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    run(given.server, given.case, given.seconds, say)


if __name__ == "__main__":
    main()
