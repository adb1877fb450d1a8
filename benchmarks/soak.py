"""Thousands of batches with watchers that come and go: does the memory stay where it is? `make bench-soak`

    python -m benchmarks.soak [batches] [figure.svg]

The real stack on the sample prices. Six watchers of each batch: two stay to the end, two leave after the first words,
two are cut off before any; websocket and event stream in turn. Ends with 1 when a part grew more than is allowed.
"""

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil

from benchmarks.live_churn import NO_LINGER
from benchmarks.live_watchers import request
from benchmarks.soak_figure import figure
from tests.support.stack_process import StackProcess

AT_ONCE = 8
EVERY = 20  # batches between two looks at the memory
BATCHES = 2_000
WARM_UP = 1_000  # batches that are not judged, at most half of all: what fills meanwhile is listed in RESULTS.md
ALLOWED_MB = 1.0  # for each thousand batches
PATIENCE_S = 60.0
SWEEP = {
    "strategy": "sma_cross",
    "symbols": ["AAPL", "KO"],
    "parameterRanges": {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 70, "step": 5}},
}
PARTS = ("web", "worker", "watchdog", "redis")


def one_batch(client: httpx.Client, address: tuple[str, int], number: int) -> int:
    """Start a batch and watch it with six; how many of the two that stayed saw its end."""
    answer = client.post("/api/backtest/batch", json=SWEEP)
    assert answer.status_code == 202, answer.text
    urls = [answer.json()["websocketUrl"], answer.json()["streamUrl"]]
    for which in range(4):
        sse = bool((number + which) % 2)
        leave(address, urls[sse], sse=sse, politely=which < 2)
    return sum(stay(address, urls[sse], sse=sse) for sse in (False, True))


def opened(address: tuple[str, int], path: str, *, sse: bool) -> socket.socket:
    """A stream that was asked for."""
    client = socket.create_connection(address, timeout=PATIENCE_S)
    client.sendall(request(path, f"{address[0]}:{address[1]}", sse=sse))
    return client


def stay(address: tuple[str, int], path: str, *, sse: bool) -> bool:
    """Until the end; whether there was one."""
    seen = b""
    with opened(address, path, sse=sse) as client:
        while b'"type":"complete"' not in seen:
            if not (data := client.recv(65536)):
                return False
            seen = seen[-100:] + data
    return True


def leave(address: tuple[str, int], path: str, *, sse: bool, politely: bool) -> None:
    """After the first words, or with a reset before them."""
    with opened(address, path, sse=sse) as client:
        if politely:
            client.recv(4096)
        else:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


def megabytes(stack: StackProcess) -> list[float]:
    """Of each part with all its processes. What children inherited counts once for each."""
    return [sum(memory(process) for process in family(pid)) / 2**20 for pid in (stack.pids()[part] for part in PARTS)]


def family(pid: int) -> Iterator[psutil.Process]:
    """A process and its children."""
    parent = psutil.Process(pid)
    yield parent
    yield from parent.children(recursive=True)


def memory(process: psutil.Process) -> int:
    """Bytes of its own, in memory or swapped out; none of one that has just ended.

    Not the resident size: that falls when the system takes back pages of code and libraries, and would hide a leak.
    """
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Anonymous:", "Swap:")))


def soak(stack: StackProcess, batches: int) -> tuple[list[int], np.ndarray]:
    """(batches so far, float64[looks, parts] megabytes)."""
    parts = urlsplit(stack.url)
    address = (str(parts.hostname), int(parts.port or 80))
    at, seen, told = [0], [megabytes(stack)], 0
    with httpx.Client(base_url=stack.url, timeout=PATIENCE_S) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, batches, EVERY):
            numbers = range(start, min(start + EVERY, batches))
            told += sum(pool.map(lambda number: one_batch(client, address, number), numbers))
            at.append(numbers.stop)
            seen.append(megabytes(stack))
            if not numbers.stop % (10 * EVERY) or numbers.stop == batches:
                print(f"{numbers.stop:>6,} " + "".join(f"{value:>10.1f}" for value in seen[-1]), flush=True)
    print(f"{told:,} of {2 * batches:,} that stayed saw the end.", flush=True)
    return at, np.array(seen)


def growth(at: list[int], seen: np.ndarray) -> np.ndarray:
    """Megabytes for each thousand batches after the warm-up: the slope of the straight line through them."""
    judged = np.array(at) >= min(WARM_UP, at[-1] / 2)
    slopes: np.ndarray = np.polyfit(np.array(at)[judged] / 1000, seen[judged], 1)[0]
    return slopes


def too_much(slopes: np.ndarray) -> list[str]:
    """The parts that grew more than is allowed."""
    return [part for part, slope in zip(PARTS, slopes, strict=True) if not slope <= ALLOWED_MB]


def main() -> int:
    """Run, print, draw; 1 when it grew too much."""
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else BATCHES
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        stack = StackProcess(Path(folder)).start()
        try:
            stack.wait_until_ready()
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; MB of each part, without code and libraries")
            print("       " + "".join(f"{part:>10}" for part in PARTS), flush=True)
            at, seen = soak(stack, batches)
        finally:
            stack.end()
    slopes = growth(at, seen)
    print("+/1000 " + "".join(f"{value:>10.2f}" for value in slopes))
    print(f"{batches:,} batches, {6 * batches:,} watchers, {time.monotonic() - began:.0f} s")
    if len(sys.argv) > 2:
        legend = [f"{part}: {slope:+.2f} MB per 1,000" for part, slope in zip(PARTS, slopes, strict=True)]
        Path(sys.argv[2]).write_text(figure(at, seen.T.tolist(), legend, "batches", "MB"))
    grown = too_much(slopes)
    if grown:
        print(f"More than {ALLOWED_MB:g} MB for each thousand batches: {', '.join(grown)}.")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
