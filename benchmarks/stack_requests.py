"""The requests that the benchmarks of the running stack send, and the lines that they print."""

import json
import time
from typing import Any

import httpx
import websockets

SYMBOLS = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC",
    "UNH", "WMT", "XOM",
]  # fmt: skip
SMALL = {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}}
LARGE = {"fast": {"start": 2, "stop": 201, "step": 1}, "slow": {"start": 205, "stop": 454, "step": 1}}


def request(ranges: dict[str, Any]) -> dict[str, Any]:
    """A sweep over the 20 sample shares with fees of 0.1 %."""
    return {"strategy": "sma_cross", "symbols": SYMBOLS, "parameterRanges": ranges, "fees": 0.001}


async def run(client: httpx.AsyncClient, url: str, ranges: dict[str, Any]) -> tuple[float, float, str]:
    """Seconds from the POST to the first progress and to `complete`, and the session's id."""
    return await run_request(client, url, request(ranges))


async def run_request(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> tuple[float, float, str]:
    """The same for any request."""
    started = time.perf_counter()
    batch = (await client.post(f"{url}/api/backtest/batch", json=body)).json()
    first = None
    async with websockets.connect(url.replace("http", "ws", 1) + batch["websocketUrl"], max_size=None) as events:
        async for text in events:
            event = json.loads(text)
            if event["current"] and first is None:
                first = time.perf_counter() - started
    assert event["type"] == "complete", event
    assert event["successfulTests"] == batch["total"]
    return first or 0.0, time.perf_counter() - started, batch["sessionId"]


def say(what: str, seconds: float, tests: int | None = None) -> None:
    """One line of the table."""
    rate = f"{tests / seconds:>12,.0f} tests/s" if tests else ""
    print(f"{what:<66} {seconds:>8.3f} s {rate}", flush=True)
