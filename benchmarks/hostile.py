"""What others notice while one client does its worst: `make bench WHAT=hostile`.

For each kind of attack: the delay of /healthz and of live events that other clients see, and the memory of the server
before, at its peak and a minute later.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import orjson
import psutil
import redis
import websockets
from channels_redis.serializers import registry

from benchmarks.attackers import KINDS
from benchmarks.soak import memory
from tests.support.stack_process import StackProcess, until

SECONDS, LATER_S = 15.0, 60.0
LIMIT_S, LIMIT_MB = 0.25, 50
WATCHERS = 10
# Ten events a second instead of two: the 99th percentile of a dozen would be the latest one.
EVENT_INTERVAL_S = "0.1"
PUBLISH_S = 0.11
MILLION = {
    "strategy": "sma_cross",
    "symbols": ["AAPL", "AMD", "BAC", "BBY"],
    "parameterRanges": {
        "fast": {"start": 2, "stop": 501, "step": 1}, "slow": {"start": 502, "stop": 1001, "step": 1},
    },
    "timeoutSeconds": 3600,
}  # fmt: skip


@dataclass
class Figures:
    """Delays in seconds, memory in MB."""

    kind: str
    health: list[float] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    before: float = 0
    peak: float = 0
    later: float = 0

    def line(self) -> str:
        delays = " ".join(
            f"{np.percentile(values, 50) * 1000:6.0f} {np.percentile(values, 99) * 1000:6.0f} {max(values) * 1000:6.0f}"
            for values in (self.health, self.events)
        )
        return f"{self.kind:8} {delays} {self.before:7.0f} {self.peak:7.0f} {self.later:7.0f}"

    def is_quick(self, limit_s: float = LIMIT_S) -> bool:
        return all(np.percentile(values, 99) <= limit_s for values in (self.health, self.events))


class Stack:
    """A running stack with a batch of a million tests, and one that is paused and whose events we publish."""

    def __init__(self, running: StackProcess, request: dict[str, Any]) -> None:
        self.running, self.url = running, running.url
        self.address = urlsplit(self.url).netloc
        self.large = self.complete(request)
        self.verdict_url = f"{self.url}/api/backtest/batch/{self.large}/verdict"
        self.watched = self.paused(request)
        self.read_once()
        self.sequence = 10_000
        self.web = psutil.Process(running.pids()["web"])
        self.redis = redis.Redis.from_url(running.redis_url)
        self.serializer = registry.get_serializer("msgpack")

    def start(self, request: dict[str, Any]) -> str:
        answer = httpx.post(f"{self.url}/api/backtest/batch", json=request, timeout=60)
        return str(answer.raise_for_status().json()["sessionId"])

    def state(self, session_id: str) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/api/backtest/batch/{session_id}", timeout=60).json())

    def complete(self, request: dict[str, Any]) -> str:
        session_id = self.start(request)
        until(lambda: self.state(session_id)["status"] == "complete", "the large batch", seconds=600)
        return session_id

    def paused(self, request: dict[str, Any]) -> str:
        session_id = self.start(request)
        httpx.post(f"{self.url}/api/backtest/batch/{session_id}/pause", timeout=60).raise_for_status()
        return session_id

    def read_once(self) -> None:
        """Read a page and a download: what a server loads for its first ones stays, and no attack is to blame."""
        for path in ("results?sort=-sharpe", "results.csv?sort=-sharpe&pageSize=1"):
            address = f"{self.url}/api/backtest/batch/{self.large}/{path}"
            with httpx.stream("GET", address, timeout=60) as answer:
                next(answer.raise_for_status().iter_bytes())

    def judge(self, seed: int) -> None:
        """Have the verdict of the large batch computed, if that is not so already."""
        if not self.is_judging():
            httpx.post(self.verdict_url, json={"seed": seed}, timeout=60).raise_for_status()

    def is_judging(self) -> bool:
        """Return whether the verdict of the large batch is being computed."""
        return str(httpx.get(self.verdict_url, timeout=60).json()["status"]) in {"waiting", "running"}

    def publish(self) -> None:
        self.sequence += 1
        now_ms = time.time() * 1000
        name = self.watched.replace("-", "")
        text = orjson.dumps({"type": "progress", "sequence": self.sequence, "sentAtMs": now_ms}).decode()
        message = {
            "type": "batch.event", "session": name, "kind": "progress", "sequence": self.sequence,
            "sentAtMs": now_ms, "text": text,
        }  # fmt: skip
        self.redis.publish(f"backtester__group__batch.{name}", self.serializer.serialize(message))

    def megabytes(self) -> float:
        return memory(self.web) / 2**20


async def measure(stack: Stack, kind: str, *, seconds: float = SECONDS, later_s: float = LATER_S) -> Figures:
    """Attack, and note what others see meanwhile."""
    figures = Figures(kind, before=stack.megabytes())
    watchers = [asyncio.create_task(watch(stack, figures)) for _ in range(WATCHERS)]
    await asyncio.sleep(1)
    argv = [sys.executable, "-m", "benchmarks.attackers", kind, stack.address, stack.large, str(seconds)]
    attacker = subprocess.Popen(argv) if kind in KINDS else None
    ends_at = time.monotonic() + seconds
    others = [asyncio.create_task(task) for task in (ask(stack, figures), publish(stack))]
    while time.monotonic() < ends_at or (attacker and attacker.poll() is None):
        figures.peak = max(figures.peak, stack.megabytes())
        await asyncio.sleep(0.1)
    for task in (*others, *watchers):
        task.cancel()
    await asyncio.gather(*others, *watchers, return_exceptions=True)
    await asyncio.sleep(later_s)
    figures.later = stack.megabytes()
    return figures


async def ask(stack: Stack, figures: Figures) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        while True:
            began = time.perf_counter()
            (await client.get(f"{stack.url}/healthz")).raise_for_status()
            figures.health.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)


async def publish(stack: Stack) -> None:
    while True:
        await asyncio.to_thread(stack.publish)
        await asyncio.sleep(PUBLISH_S)


async def watch(stack: Stack, figures: Figures) -> None:
    url = f"ws://{stack.address}/ws/backtest/batch/{stack.watched}/"
    async with websockets.connect(url, max_size=None) as connection:
        await connection.recv()
        async for text in connection:
            figures.events.append(time.time() - orjson.loads(text)["sentAtMs"] / 1000)


def main() -> None:
    print(f"{os.cpu_count()} cores, shared with the clients; load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        running = StackProcess(Path(folder) / "data", EVENT_INTERVAL_S=EVENT_INTERVAL_S).start()
        try:
            stack = Stack(running.wait_until_ready(), MILLION)
            print("         /healthz, ms          events, ms            memory, MB")
            print("kind        p50    p99    max    p50    p99    max  before    peak   later", flush=True)
            for seed, kind in enumerate(sys.argv[1:] or ["none", *KINDS], start=2):
                stack.judge(seed)
                print(asyncio.run(measure(stack, kind)).line(), flush=True)
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.end()


if __name__ == "__main__":
    main()
