"""End to end through the running stack: from the POST to the terminal event, database and live events included.

    make bench-stack

Starts a stack of its own, warms it, then measures a sweep of 5,000, a sweep of a million, fifty batches of 5,000 at
once, a small batch started behind a sweep of a million, and the result pages of a million rows.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import websockets

from tests.support.stack_process import StackProcess

SYMBOLS = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC",
    "UNH", "WMT", "XOM",
]  # fmt: skip
SMALL = {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}}
LARGE = {"fast": {"start": 2, "stop": 201, "step": 1}, "slow": {"start": 205, "stop": 454, "step": 1}}
ROUNDS = 7


def request(ranges: dict[str, Any]) -> dict[str, Any]:
    """A sweep over the 20 sample shares with fees of 0.1 %."""
    return {"strategy": "sma_cross", "symbols": SYMBOLS, "parameterRanges": ranges, "fees": 0.001}


async def run(client: httpx.AsyncClient, url: str, ranges: dict[str, Any]) -> tuple[float, float, str]:
    """Seconds from the POST to the first progress and to `complete`, and the session's id."""
    started = time.perf_counter()
    batch = (await client.post(f"{url}/api/backtest/batch", json=request(ranges))).json()
    first = None
    async with websockets.connect(url.replace("http", "ws", 1) + batch["websocketUrl"], max_size=None) as events:
        async for text in events:
            event = json.loads(text)
            if event["current"] and first is None:
                first = time.perf_counter() - started
    assert event["type"] == "complete", event
    assert event["successfulTests"] == batch["total"]
    return first or 0.0, time.perf_counter() - started, batch["sessionId"]


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
        first = timed(lambda query=query: httpx.get(base + query, timeout=60).raise_for_status())
        again = statistics.median(
            timed(lambda query=query: httpx.get(base + query, timeout=60).raise_for_status()) for _ in range(5)
        )
        say(f"a million rows: {name}, first request", first)
        say("    the requests after it, median", again)


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def say(what: str, seconds: float, tests: int | None = None) -> None:
    """One line of the table."""
    rate = f"{tests / seconds:>12,.0f} tests/s" if tests else ""
    print(f"{what:<66} {seconds:>8.3f} s {rate}", flush=True)


def main() -> None:
    """Start a stack, measure, stop it."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = StackProcess(Path(folder)).start()
        try:
            stack.wait_until_ready()
            pages(stack.url, asyncio.run(sweeps(stack.url)))
        finally:
            stack.end()


if __name__ == "__main__":
    main()
