"""End to end through the running stack: from the POST to the terminal event, database and live events included.

    make bench-stack

Starts a stack of its own, warms it, then measures a sweep of 5,000, a sweep of a million, fifty batches of 5,000 at
once, a small batch started behind a sweep of a million, the result pages of a million rows, and how batches share the
workers (`benchmarks/fairness.py`).
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks import fairness
from benchmarks.stack_requests import LARGE, SMALL, run, say
from tests.support.stack_process import StackProcess

ROUNDS = 7


async def sweeps(url: str) -> str:
    """Print the times of sweeps; the id of the sweep of a million."""
    async with httpx.AsyncClient(timeout=120) as client:
        for _ in range(2):
            await run(client, url, SMALL)
        several = sorted([(await run(client, url, SMALL))[1] for _ in range(ROUNDS)])
        say("5,000 tests, POST to complete, median", statistics.median(several), 5_000)
        say("5,000 tests, slowest of seven", several[-1], 5_000)
        first, whole, million = await run(client, url, LARGE)
        say("1,000,000 tests, first progress", first)
        say("1,000,000 tests, POST to complete", whole, 1_000_000)
        started = time.perf_counter()
        fifty = await asyncio.gather(*(run(client, url, SMALL) for _ in range(50)))
        say("50 batches of 5,000 at once, all complete", time.perf_counter() - started, 250_000)
        say("    the last of them to show progress", max(first for first, _, _ in fifty))
        behind = asyncio.create_task(run(client, url, LARGE))
        await asyncio.sleep(1)
        first, whole, _ = await run(client, url, SMALL)
        say("5,000 behind a million, first progress", first)
        say("5,000 behind a million, complete", whole, 5_000)
        await behind
    return million


def pages(url: str, session_id: str) -> None:
    """Print the times of the result pages of a million rows, the first request and the next ones."""
    base = f"{url}/api/backtest/batch/{session_id}"
    for name, query in {
        "table, sorted by Sharpe": "/results?sort=-sharpe",
        "table, two filters, sorted by drawdown": "/results?sort=-maxDrawdown&min.trades=50&max.fast=20",
        "table, one symbol": "/results?symbol=KO&sort=-calmar",
        "heatmap, median": "/heatmap?x=fast&y=slow&metric=sharpe&aggregate=median",
        "one combination": "/results/123456",
    }.items():
        get = partial(page, base + query)
        first, again = timed(get), statistics.median(timed(get) for _ in range(5))
        say(f"a million rows: {name}, first request", first)
        say("    the requests after it, median", again)


def page(url: str) -> None:
    """Get it."""
    httpx.get(url, timeout=60).raise_for_status()


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Start a stack, measure, stop it."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = StackProcess(Path(folder)).start()
        try:
            stack.wait_until_ready()
            pages(stack.url, asyncio.run(sweeps(stack.url)))
            asyncio.run(fairness.measure(stack))
        finally:
            stack.end()


if __name__ == "__main__":
    main()
