"""How batches share the workers: fifty large ones, a small one behind sixteen large ones, the cost of small ones.

    make bench-stack

Large batches are cancelled when enough has been seen of them.
"""

import asyncio
import itertools
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import websockets

from benchmarks import estimates
from benchmarks.stack_requests import LARGE, SMALL, request, run, say
from tests.support.stack_process import StackProcess

CROWD, LARGE_ONES, WATCHED_S = 50, 16, 40.0


@dataclass
class Watched:
    """What a watcher of one batch saw. news : (seconds, finished tests) of each event that brought results"""

    session_id: str
    news: list[tuple[float, int]] = field(default_factory=list)


async def watch(url: str, batch: dict[str, Any], watched: Watched) -> None:
    """Note the events of a batch until it ends."""
    async with websockets.connect(url.replace("http", "ws", 1) + batch["websocketUrl"], max_size=None) as events:
        async for text in events:
            event = json.loads(text)
            if event["current"] > (watched.news[-1][1] if watched.news else 0):
                watched.news.append((time.perf_counter(), event["current"]))


async def start(
    client: httpx.AsyncClient, url: str, ranges: dict[str, Any], tasks: list[asyncio.Task[None]]
) -> Watched:
    """Start a batch and a watcher."""
    batch = (await client.post(f"{url}/api/backtest/batch", json=request(ranges))).raise_for_status().json()
    watched = Watched(batch["sessionId"])
    tasks.append(asyncio.create_task(watch(url, batch, watched)))
    return watched


async def cancel(client: httpx.AsyncClient, url: str, batches: list[Watched], tasks: list[asyncio.Task[None]]) -> None:
    for watched in batches:
        await client.post(f"{url}/api/backtest/batch/{watched.session_id}/cancel")
    await asyncio.gather(*tasks)


async def crowd(client: httpx.AsyncClient, url: str, alone: float) -> None:
    """Print what fifty batches of a million show. alone : tests a second of one such batch"""
    tasks: list[asyncio.Task[None]] = []
    batches = [await start(client, url, LARGE, tasks) for _ in range(CROWD)]
    posted = time.perf_counter()
    await asyncio.sleep(WATCHED_S)
    ended = time.perf_counter()
    firsts = [watched.news[0][0] - posted if watched.news else float("inf") for watched in batches]
    print(f"{CROWD} x 1,000,000: batches with progress after {WATCHED_S:g} s: {sum(f < WATCHED_S for f in firsts)}")
    say("    last first progress after the last POST", max(firsts))
    since = [[posted, *(at for at, _ in watched.news if at > posted), ended] for watched in batches]
    gaps = sorted(later - earlier for times in since for earlier, later in itertools.pairwise(times))
    say("    gap between two events of a batch, median", statistics.median(gaps))
    say("    99 % of the gaps", gaps[int(0.99 * len(gaps))])
    say("    longest gap", gaps[-1])
    done = sum(watched.news[-1][1] - _at(watched, posted) for watched in batches if watched.news)
    say("    tests a second, together; share of one batch alone", done / (ended - posted) / alone)
    await cancel(client, url, batches, tasks)


def _at(watched: Watched, moment: float) -> int:
    """Finished tests at a moment."""
    return max([0, *(current for at, current in watched.news if at <= moment)])


async def small_behind_large(client: httpx.AsyncClient, url: str) -> None:
    tasks: list[asyncio.Task[None]] = []
    batches = [await start(client, url, LARGE, tasks) for _ in range(LARGE_ONES)]
    await asyncio.sleep(5)
    times = [await run(client, url, SMALL) for _ in range(5)]
    say(f"5,000 behind {LARGE_ONES} x 1,000,000, first progress, median", statistics.median(t[0] for t in times))
    say("    slowest of five", max(t[0] for t in times))
    say("    complete, median", statistics.median(t[1] for t in times))
    say("    slowest of five", max(t[1] for t in times))
    await cancel(client, url, batches, tasks)


def core_seconds(stack: StackProcess) -> float:
    """Processor time of all processes of a stack."""
    assert stack.process is not None
    supervisor = psutil.Process(stack.process.pid)
    times = [process.cpu_times() for process in (supervisor, *supervisor.children(recursive=True))]
    return sum(t.user + t.system for t in times)


async def measure(stack: StackProcess) -> None:
    url = stack.url
    async with httpx.AsyncClient(timeout=120) as client:
        for _ in range(3):
            await run(client, url, SMALL)
        _, alone_s, _ = await run(client, url, LARGE)
        say("1,000,000 alone, POST to complete", alone_s, 1_000_000)
        before = core_seconds(stack)
        await asyncio.gather(*(run(client, url, SMALL) for _ in range(CROWD)))
        say(f"core-seconds for each of {CROWD} x 5,000 at once", (core_seconds(stack) - before) / CROWD)
        await small_behind_large(client, url)
        await crowd(client, url, 1_000_000 / alone_s)
        await estimates.measure(client, url)


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = StackProcess(Path(folder)).start()
        try:
            stack.wait_until_ready()
            asyncio.run(measure(stack))
        finally:
            stack.end()


if __name__ == "__main__":
    main()
