"""Clients that watch a batch to its end and write down what they saw."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import websockets
from httpx_sse import aconnect_sse

SAMPLE = Path(__file__).resolve().parents[2] / "backtester/sample_data/sp500_20_close.csv.gz"
SHARES = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO", "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC",
    "UNH", "WMT", "XOM",
]  # fmt: skip
PATIENCE_S = 60


def body(**changes: Any) -> dict[str, Any]:
    """The request of 5,000 tests that the page starts with."""
    ranges = {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}}
    asked = {"strategy": "sma_cross", "symbols": SHARES, "parameterRanges": ranges, "fees": 0.001}
    return asked | changes


def start(stack: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Start a batch as a script would."""
    answer = httpx.post(f"{stack.url}/api/backtest/batch", json=request, timeout=30)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def sample_prices() -> pd.DataFrame:
    """The sample that the stack has loaded."""
    return pd.read_csv(SAMPLE, index_col="date", parse_dates=True)


async def until(holds: Callable[[], bool], patience_s: float = 20) -> None:
    """Wait for something to become true, for a bounded time."""
    deadline = time.monotonic() + patience_s
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.05)


@dataclass
class Watch:
    """What one watcher saw. arrivals : monotonic seconds of each event."""

    events: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    close_code: int | None = None

    def see(self, text: str) -> None:
        """Note an event."""
        self.events.append(json.loads(text, parse_constant=refuse))
        self.arrivals.append(time.monotonic())

    @property
    def last(self) -> dict[str, Any]:
        """The newest event."""
        return self.events[-1]

    def check_the_protocol(self) -> None:
        """What the contract promises to every watcher."""
        types = [event["type"] for event in self.events]
        assert types[0] == "connected"
        assert types[-1] in {"complete", "error"}
        assert set(types[1:-1]) <= {"progress"}
        sequences = [event["sequence"] for event in self.events]
        assert sequences == sorted(set(sequences)), sequences
        done = [event["percentage"] for event in self.events]
        assert done == sorted(done), done
        assert all((event["percentage"] == 100) == (event["current"] == event["total"]) for event in self.events)
        progress = [at for at, kind in zip(self.arrivals, types, strict=True) if kind == "progress"]
        if len(progress) > 1:
            assert len(progress) <= 2 * (progress[-1] - progress[0]) + 1.5


def refuse(name: str) -> float:
    """NaN and Infinity are no JSON."""
    raise AssertionError(f"{name} came over the wire")


async def watch_websocket(stack: Any, session_id: str) -> Watch:
    """Watch over a websocket until the server closes it."""
    watch = Watch()
    url = f"{stack.url.replace('http', 'ws', 1)}/ws/backtest/batch/{session_id}/"
    async with (
        asyncio.timeout(PATIENCE_S),
        websockets.connect(url, max_size=None, open_timeout=PATIENCE_S) as connection,
    ):
        with contextlib.suppress(websockets.ConnectionClosedError):  # what the library makes of a code from 4000 on
            async for text in connection:
                watch.see(str(text))
    watch.close_code = connection.close_code
    return watch


async def watch_sse(stack: Any, session_id: str) -> Watch:
    """Watch with an EventSource until the server ends the stream."""
    watch = Watch()
    url = f"{stack.url}/api/backtest/batch/stream?sessionId={session_id}"
    async with (
        asyncio.timeout(PATIENCE_S),
        httpx.AsyncClient(timeout=None) as client,
        aconnect_sse(client, "GET", url) as source,
    ):
        async for event in source.aiter_sse():
            if not event.data:
                continue  # `retry:` alone: a browser dispatches no event for it
            watch.see(event.data)
            assert (event.event, event.id) == (watch.last["type"], str(watch.last["sequence"]))
    return watch
