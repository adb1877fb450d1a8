"""Watchers that record the events they receive. Every wait has a deadline."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets
from httpx_sse import aconnect_sse

from tests.live.serving import Serving


@dataclass
class Recording:
    """The events of one watcher. arrivals : monotonic seconds."""

    events: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    code: int | None = None
    task: "asyncio.Task[None] | None" = None

    def take(self, text: str) -> None:
        """Record an event."""
        self.events.append(json.loads(text))
        self.arrivals.append(time.monotonic())

    @property
    def sequences(self) -> list[int]:
        """Return the sequence numbers in order of arrival."""
        return [event["sequence"] for event in self.events]

    @property
    def kinds(self) -> list[str]:
        """Return the event types in order of arrival."""
        return [event["type"] for event in self.events]


async def until(holds: Callable[[], object], what: str, *, seconds: float = 15) -> None:
    """Wait until the condition holds, or fail after the deadline."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"still waiting for {what} after {seconds:g} s"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watching(read: Any, *args: Any) -> AsyncIterator[Recording]:
    """Run a reader in the background; it is connected when the block begins."""
    seen = Recording()
    seen.task = asyncio.create_task(read(seen, *args))
    try:
        await until(lambda: seen.events or (seen.task and seen.task.done()), "the first event")
        if seen.task.done():
            seen.task.result()
        yield seen
    finally:
        seen.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError, httpx.HTTPError, websockets.WebSocketException):
            await seen.task


async def read_socket(seen: Recording, url: str) -> None:
    """Read a websocket until it is closed."""
    async with websockets.connect(url, max_size=None, open_timeout=20) as connection:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in connection:
                seen.take(str(text))
        seen.code = connection.close_code


async def read_stream(seen: Recording, url: str) -> None:
    """Read an event stream until it ends."""
    async with (
        httpx.AsyncClient(timeout=None) as client,
        aconnect_sse(client, "GET", url) as source,
    ):
        async for event in source.aiter_sse():
            if event.data:
                seen.take(event.data)


def both(serving: Serving, session_id: uuid.UUID) -> list[tuple[Any, str]]:
    """Return reader and address of both streaming transports of a batch."""
    return [(read_socket, serving.socket_url(session_id)), (read_stream, serving.stream_url(session_id))]
