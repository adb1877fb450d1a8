"""Follow a batch from inside an event loop: subscribe, read the row, forward what is newer, until all is told."""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import timezone

from backtester.accounts.credentials import Credential
from batches import permissions
from batches.errors import BatchError
from batches.live.hub import Hub
from batches.live.subscriptions import Event, Send
from batches.models import BatchSession
from batches.sweep.progress import connected_event, encode, newest_event

Result = TypeVar("Result")

# The few reads have threads of their own: one slow query must not hold up what other watchers wait for.
READERS = 4
_readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="live-read")
_unfinished = 0  # reads asked for, in any event loop
_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(lambda known: read(newer_events, known), lambda watches: read(permissions.refused, watches))
    return _hubs[loop]


async def follow(
    session_id: uuid.UUID,
    credential: Credential | None = None,
    *,
    after: int = 0,
    life_s: float = math.inf,
    send: Send | None = None,
) -> AsyncGenerator[Event | None, None]:
    """The events of a batch: `connected` first, exactly one terminal event last; None when a heartbeat is due.

    Subscribes, then reads the row, then forwards what is newer, so nothing falls between. Raises NotFound, TooMany
    or Unauthorized before the first event, and meanwhile when the batch is deleted or the right to watch it is lost.
    Ends without any event when the terminal one was already seen (`after` at or past it), and without a terminal one
    when its life is over: then the client is to come back.
    """
    with hub().watching(session_id, credential) as watcher:
        await hub().subscribed(session_id)
        connected, terminal = await read(first_events, session_id, credential)
        if terminal:
            if after < terminal.sequence:
                yield connected
                yield terminal
            return
        yield connected
        watcher.skip_to(connected.sequence)
        del connected  # its text would stay for as long as the stream is open
        ends_at = time.monotonic() + life_s
        while time.monotonic() < ends_at:
            event = await watcher.take()
            if event is None and watcher.doubted:
                watcher.doubted = False
                await read(first_events, session_id, credential)  # raises if the batch, or the right, is gone
            yield event
            if event is not None and event.is_terminal:
                await hub().parting()
                return


async def read(function: Callable[..., Result], *args: Any) -> Result:
    """Run a few queries in a reader thread. Its connection is closed when no other read waits for the thread.

    To open one costs many times as much as to use it: when a server comes back, thousands of watchers come at once.
    """
    global _unfinished

    def with_connection() -> Result:
        keep = False
        try:
            result = function(*args)
            keep = _unfinished > READERS
            return result
        finally:
            if not keep:
                close_old_connections()

    _unfinished += 1
    try:
        return await sync_to_async(with_connection, thread_sensitive=False, executor=_readers)()
    finally:
        _unfinished -= 1


def first_events(session_id: uuid.UUID, credential: Credential | None = None) -> tuple[Event, Event | None]:
    """`connected`, and the terminal event if the batch is over."""
    session = permissions.find(permissions.person_with(credential), session_id)
    now = timezone.now()
    terminal = as_event(newest_event(session, now)) if session.state.is_terminal else None
    return as_event(connected_event(session, now)), terminal


def newer_events(known: dict[uuid.UUID, int]) -> Iterable[tuple[uuid.UUID, Event | None]]:
    """The newest event of each batch that has moved past the sequence given for it; None for one without a row."""
    rows = dict(BatchSession.objects.filter(pk__in=known).values_list("pk", "sequence"))
    moved = [pk for pk, sequence in rows.items() if sequence > known[pk]]
    now = timezone.now()
    sessions = BatchSession.objects.filter(pk__in=moved)
    events: list[tuple[uuid.UUID, Event | None]] = [(s.id, as_event(newest_event(s, now))) for s in sessions]
    return events + [(pk, None) for pk in known if pk not in rows]


def refusal(error: BatchError) -> str:
    """What a stream says in place of events."""
    return encode({"type": "error"} | error.as_json())


def as_event(event: dict[str, Any]) -> Event:
    """Encode a wire event."""
    return Event(event["type"], event["sequence"], encode(event), event["sentAtMs"])
