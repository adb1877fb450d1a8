"""Compare live updates of two checkouts in one run: `python -m benchmarks.live_paired OTHER_CHECKOUT [--watchers 1000]`

A server of each is open for the whole run, with websockets on one batch. Events are announced to one and the other in
turn, so that the noise of the machine meets both, and the ratios of neighboring rounds are reported: this / other.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.live import quantile
from benchmarks.live_announcer import Announcer
from benchmarks.live_parts import ROOT, make_batches, server, valkey
from benchmarks.live_watchers import CONNECT_S, Tally, open_watchers, raise_file_limit

SETTLE_S = 5.0
EVENTS = 6  # in a round
REST_S = 0.3  # after the last event of a round
FIGURES = ("processor time per event, µs", "lateness p50, ms", "lateness p99, ms")


@dataclass
class Contestant:
    """A server and its watchers."""

    process_id: int
    session_id: object
    announcer: Announcer
    clients: list
    rounds: list[tuple[float, float, float]] = field(default_factory=list)  # instants of its limits, processor seconds

    def play(self, pause_s: float) -> None:
        """Announce one round of events."""
        used, began = processor_seconds(self.process_id), time.time()
        for _ in range(EVENTS):
            self.announcer.sequence += 1
            self.announcer.announce(self.session_id, self.announcer.sequence)
            time.sleep(pause_s)
        time.sleep(REST_S)
        self.rounds.append((began, time.time(), processor_seconds(self.process_id) - used))

    def figures(self) -> list[tuple[float, float, float]]:
        """End the batch, and return FIGURES for each round."""
        self.announcer.announce(self.session_id, self.announcer.sequence + 1, "complete")
        tally = Tally()
        for client, pipe in self.clients:
            tally.add(pipe.recv())
            client.join()
        figures = []
        for began, ended, used in self.rounds:
            late = [late for late, sent in zip(tally.latencies, tally.sent, strict=True) if began <= sent < ended]
            figures.append((1e6 * used / len(late), 1e3 * quantile(late, 0.5), 1e3 * quantile(late, 0.99)))
        return figures


def processor_seconds(process_id: int) -> float:
    """Return the time that all threads of a process have run; in nanoseconds, unlike `times`."""
    return sum(int(path.read_text().split()[0]) / 1e9 for path in Path(f"/proc/{process_id}/task").glob("*/schedstat"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rate", type=float, default=5.0, help="events a second")
    options = parser.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="live-") as folder, ExitStack() as parts:
        data_dir = Path(folder)
        url = parts.enter_context(valkey(data_dir))
        seconds = 2 * options.rounds * (EVENTS / options.rate + REST_S) + CONNECT_S + SETTLE_S
        limits = {"EVENT_INTERVAL_S": "0.01", "STREAMS_MAX": "20000"}
        session_ids = make_batches(data_dir, 2)
        roots = (ROOT, options.other.resolve())
        servers = [parts.enter_context(server("daphne", data_dir, root, **limits)) for root in roots]
        contestants = []
        for session_id, (process, address) in zip(session_ids, servers, strict=True):
            clients = open_watchers(address, [session_id], options.watchers, sse=False, seconds=seconds)
            contestants.append(Contestant(process.pid, session_id, Announcer(url), clients))
        time.sleep(SETTLE_S)
        for number in range(options.rounds):
            for contestant in contestants[:: 1 if number % 2 else -1]:
                contestant.play(1 / options.rate)
        ours, others = (contestant.figures() for contestant in contestants)
    print(f"| {options.watchers:,} websockets on one batch | this | other | ratio (quartiles) |\n|---|---:|---:|---:|")
    for place, name in enumerate(FIGURES):
        pairs = [(our[place], other[place]) for our, other in zip(ours, others, strict=True)]
        low, middle, high = statistics.quantiles([our / other for our, other in pairs], n=4)
        this, that = (statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"| {name} | {this:.1f} | {that:.1f} | {middle:.2f} ({low:.2f} to {high:.2f}) |")


if __name__ == "__main__":
    main()
