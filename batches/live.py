"""Follow a batch from inside an event loop: one hub for each server process, one subscription for each watched batch.

The channel layer brings hints quickly; the row, read for all watched batches together once a second, decides. So Redis
may lose everything and a watcher is a second late, no more. Each watcher has one slot for the newest event: a slow one
gets fewer events, never old ones, and never misses the last.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import redis
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from prometheus_client import Gauge

from batches.errors import NotFound
from batches.events import group_name
from batches.models import BatchSession
from batches.progress import connected_event, encode, newest_event

log = logging.getLogger(__name__)
Result = TypeVar("Result")
WATCHERS = Gauge("live_watchers", "Open streams, whatever the transport.")
HEARTBEAT_S = 10.0
POLL_S = 1.0
RETRY_SUBSCRIPTION_S = 1.0
# What the layer raises while Redis is away; RuntimeError: its channel went away with the connection.
LAYER_ERRORS = (redis.RedisError, OSError, RuntimeError)

# The few reads have threads of their own: one slow query must not hold up what other watchers wait for.
_readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-read")


class Event(NamedTuple):
    """What goes out to a watcher: encoded once, however many watch."""

    kind: str
    sequence: int
    text: str

    @property
    def is_terminal(self) -> bool:
        """Nothing comes after it."""
        return self.kind in {"complete", "error"}


class Watcher:
    """The slot of one open stream."""

    __slots__ = ("newest", "wake")

    def __init__(self) -> None:
        self.newest: Event | None = None
        self.wake = asyncio.Event()

    def offer(self, event: Event) -> None:
        """Keep the newest; wake whoever waits."""
        if self.newest is None or event.sequence > self.newest.sequence:
            self.newest = event
            self.wake.set()


class Hub:
    """The watchers of this process and event loop, by batch."""

    def __init__(self) -> None:
        self.watchers: dict[uuid.UUID, set[Watcher]] = {}
        self.sequences: dict[uuid.UUID, int] = {}  # the newest that this process has handed out
        self.channel: str | None = None
        self.tried = asyncio.Event()  # set once the first subscription has come about, or failed
        self.tasks: set[asyncio.Task[None]] = set()

    async def join(self, session_id: uuid.UUID, watcher: Watcher) -> None:
        """Register a watcher, and be subscribed when this returns, unless Redis is away: then the rows must do."""
        first = session_id not in self.watchers
        self.watchers.setdefault(session_id, set()).add(watcher)
        WATCHERS.inc()
        if not self.tasks:
            self.tasks = {asyncio.create_task(self._receive()), asyncio.create_task(self._poll())}
        await self.tried.wait()
        if first and self.channel:
            await self._subscribe(session_id)

    def leave(self, session_id: uuid.UUID, watcher: Watcher) -> None:
        """Forget a watcher; the last one of a batch ends its subscription."""
        WATCHERS.dec()
        remaining = self.watchers[session_id]
        remaining.discard(watcher)
        if not remaining:
            del self.watchers[session_id]
            self.sequences.pop(session_id, None)
            if self.channel:
                task = asyncio.create_task(self._unsubscribe(session_id))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def deliver(self, session_id: uuid.UUID, event: Event) -> None:
        """Hand an event to everyone who watches the batch."""
        watchers = self.watchers.get(session_id)
        if watchers:
            self.sequences[session_id] = max(event.sequence, self.sequences.get(session_id, 0))
            for watcher in watchers:
                watcher.offer(event)

    async def _receive(self) -> None:
        """Hints from the channel layer, for as long as the process lives."""
        layer = get_channel_layer()
        while True:
            try:
                if self.channel is None:
                    self.channel = await layer.new_channel()
                    for session_id in list(self.watchers):
                        await self._subscribe(session_id)
                    self.tried.set()
                message = await layer.receive(self.channel)
                event = Event(message["kind"], message["sequence"], message["text"])
                self.deliver(uuid.UUID(message["session"]), event)
            except LAYER_ERRORS as error:
                log.warning("no hints from the channel layer, watchers follow the database: %r", error)
                self.channel = None
                self.tried.set()
                await asyncio.sleep(RETRY_SUBSCRIPTION_S)

    async def _subscribe(self, session_id: uuid.UUID) -> None:
        try:
            async with asyncio.timeout(RETRY_SUBSCRIPTION_S):
                await get_channel_layer().group_add(group_name(session_id), self.channel)
        except LAYER_ERRORS as error:
            log.warning("batch %s is followed by the database only: %r", session_id, error)

    async def _unsubscribe(self, session_id: uuid.UUID) -> None:
        if session_id in self.watchers:  # someone came while this task waited for its turn
            return
        with contextlib.suppress(*LAYER_ERRORS):  # a subscription too many does no harm
            await get_channel_layer().group_discard(group_name(session_id), self.channel)

    async def _poll(self) -> None:
        """What no hint told: lost ones, held back ones, everything while Redis is away. One query for all batches."""
        while True:
            await asyncio.sleep(POLL_S)
            if self.watchers:
                try:
                    for session_id, event in await read(newer_events, dict.fromkeys(self.watchers, 0) | self.sequences):
                        self.deliver(session_id, event)
                except DatabaseError as error:
                    log.warning("the rows of watched batches could not be read: %r", error)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def follow(session_id: uuid.UUID, *, after: int = 0) -> AsyncGenerator[Event | None, None]:
    """The events of a batch: `connected` first, exactly one terminal event last; None when a heartbeat is due.

    Subscribes, then reads the row, then forwards what is newer, so nothing falls between. Raises NotFound before the
    first event. Ends without any event when the terminal one was already seen (`after` at or past it).
    """
    watcher = Watcher()
    await hub().join(session_id, watcher)
    try:
        connected, terminal = await read(first_events, session_id)
        if terminal and after >= terminal.sequence:
            return
        yield connected
        if terminal:
            yield terminal
            return
        async for event in _newer(watcher, connected.sequence):
            yield event
    finally:
        hub().leave(session_id, watcher)


async def _newer(watcher: Watcher, sequence: int) -> AsyncIterator[Event | None]:
    """Rising events until the terminal one; progress at most every EVENT_INTERVAL_S, always the newest."""
    sent_at = -settings.EVENT_INTERVAL_S
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await watcher.wake.wait()
        except TimeoutError:
            yield None
            continue
        if not (watcher.newest and watcher.newest.is_terminal):
            await _wait_for_turn(watcher, sent_at + settings.EVENT_INTERVAL_S)
        watcher.wake.clear()
        event = watcher.newest
        if event is None or event.sequence <= sequence:
            continue
        sequence, sent_at = event.sequence, time.monotonic()
        yield event
        if event.is_terminal:
            return


async def _wait_for_turn(watcher: Watcher, turn: float) -> None:
    """Until the monotonic instant `turn`, or the terminal event."""
    while (left := turn - time.monotonic()) > 0:
        watcher.wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await watcher.wake.wait()
        if watcher.newest and watcher.newest.is_terminal:
            return


async def read(function: Callable[..., Result], *args: Any) -> Result:
    """Run a few queries in a reader thread, on a connection that is closed afterwards."""

    def with_connection() -> Result:
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await sync_to_async(with_connection, thread_sensitive=False, executor=_readers)()


def first_events(session_id: uuid.UUID) -> tuple[Event, Event | None]:
    """`connected`, and the terminal event if the batch is over."""
    session = BatchSession.objects.filter(pk=session_id).first()
    if session is None:
        raise NotFound
    now = timezone.now()
    terminal = as_event(newest_event(session, now)) if session.state.is_terminal else None
    return as_event(connected_event(session, now)), terminal


def newer_events(known: dict[uuid.UUID, int]) -> Iterable[tuple[uuid.UUID, Event]]:
    """The newest event of each batch that has moved past the sequence given for it."""
    rows = BatchSession.objects.filter(pk__in=known).values_list("pk", "sequence")
    moved = [pk for pk, sequence in rows if sequence > known[pk]]
    now = timezone.now()
    return [(session.id, as_event(newest_event(session, now))) for session in BatchSession.objects.filter(pk__in=moved)]


def as_event(event: dict[str, Any]) -> Event:
    """Encode a wire event."""
    return Event(event["type"], event["sequence"], encode(event))
