"""One hub for each event loop: every watched batch is subscribed to once, however many watch it.

The channel layer brings hints quickly; the rows, read for all watched batches together once a second, decide. So Redis
may lose everything and a watcher is a second or two late, no more. Each watcher has one slot for the newest event: a
slow one gets fewer events, never old ones, and never misses the last.
"""

import asyncio
import contextlib
import gc
import logging
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator

import redis
from channels.layers import get_channel_layer
from django.conf import settings

from backtester.accounts.credentials import Credential
from batches.errors import BatchError, TooMany
from batches.live.subscriptions import Event, Send, Watched, Watcher
from batches.permissions import Watch, is_personal
from batches.running.events import group_name

log = logging.getLogger(__name__)
POLL_S = 1.0
RECHECK_S = 20.0  # a stream ends within this time, and a moment, after its watcher has lost the right to it
SUBSCRIBE_S = 1.0
OPENING = 16  # event streams that are opened at the same time
COLLECT_AFTER = 1_000  # watchers that came or left; for a full round, as many again as are here
UNSETTLED = 4  # so many times as many, while they still come and go,
FEW = 100  # unless so few would be held up
PARTING_S = 0.002  # for each watcher: several times what closing one takes; the rest is for whoever else is served
# What the layer raises while Redis is away; RuntimeError: its channel went away with the connection.
LAYER_ERRORS = (redis.RedisError, OSError, RuntimeError)


NewerEvents = Callable[[dict[uuid.UUID, int]], Awaitable[Iterable[tuple[uuid.UUID, Event | None]]]]
Refused = Callable[[Collection[Watch]], Awaitable[dict[Watch, BatchError]]]


class Hub:
    """The watchers of this process and event loop, by batch."""

    def __init__(self, newer_events: NewerEvents, refused: Refused) -> None:
        self.batches: dict[uuid.UUID, Watched] = {}
        self.newer_events = newer_events
        self.refused = refused
        self.watchers = 0
        # Comings and goings since the last full round; of these, until the last round of any kind, and the last look.
        self.turnover = self.collected = self.seen = 0
        self.channel: str | None = None
        self.opening = asyncio.Lock()
        self.opening_streams = asyncio.Semaphore(OPENING)
        self.tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._poll())
        self._spawn(self._recheck())

    @contextlib.contextmanager
    def watching(
        self, session_id: uuid.UUID, credential: Credential | None = None, send: Send | None = None
    ) -> Iterator[Watcher]:
        """A watcher of the batch. The last one to leave ends the subscription."""
        if self.watchers >= settings.STREAMS_MAX:
            raise TooMany(f"This server has {self.watchers:,} open streams, and no more are allowed (STREAMS_MAX).")
        watcher, watched = Watcher(credential, send), self.batches.setdefault(session_id, Watched())
        watched.watchers.add(watcher)
        self._count(1)
        try:
            yield watcher
        finally:
            self._count(-1)
            watcher.timer.cancel()
            watched.watchers.discard(watcher)
            if not watched.watchers:
                watched.stop()
                del self.batches[session_id]
                self._spawn(self._unsubscribe(session_id))

    async def subscribed(self, session_id: uuid.UUID) -> None:
        """Return once hints for the batch come, or cannot come: then the rows must do."""
        watched = self.batches[session_id]
        if watched.subscription is None:
            watched.subscription = self._spawn(self._subscribe(session_id, watched))
        if not watched.subscription.done():
            await asyncio.wait(
                {watched.subscription}
            )  # shared: a watcher that leaves must not cancel it for the others

    async def parting(self) -> None:
        """A moment of one's own, so that a crowd which has seen the end is not let go all at once.

        Closing costs more than an event: whoever else waits for one, even for the same end, would wait for that.
        """
        await asyncio.sleep(random.uniform(0, self.watchers * PARTING_S))

    def deliver(self, session_id: uuid.UUID, event: Event | None) -> None:
        """Hand an event to everyone who watches the batch; None: it seems to be deleted."""
        if watched := self.batches.get(session_id):
            watched.doubt() if event is None else watched.deliver(event)

    def _count(self, change: int) -> None:
        self.watchers += change
        self.turnover += 1

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _subscribe(self, session_id: uuid.UUID, watched: Watched) -> None:
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                await get_channel_layer().group_add(group_name(session_id), await self._open_channel())
        except LAYER_ERRORS as error:
            watched.subscription = None  # the next round tries again
            log.warning("no hints from the channel layer for %s, the database is followed: %r", session_id, error)

    async def _unsubscribe(self, session_id: uuid.UUID) -> None:
        if session_id in self.batches or self.channel is None:  # someone came while this task waited for its turn
            return
        with contextlib.suppress(*LAYER_ERRORS):  # a subscription too many does no harm
            async with asyncio.timeout(SUBSCRIBE_S):
                await get_channel_layer().group_discard(group_name(session_id), self.channel)

    async def _open_channel(self) -> str:
        async with self.opening:
            if self.channel is None:
                layer = get_channel_layer()
                layer.channels.clear()  # what failed attempts have left; the hub is the only user in this loop
                self.channel = await layer.new_channel()
                self._spawn(self._receive(self.channel))
            return self.channel

    async def _receive(self, channel: str) -> None:
        """Hints, for as long as the channel lives. The layer itself subscribes again when Redis comes back."""
        layer = get_channel_layer()
        while True:
            try:
                message = await layer.receive(channel)
                if watched := self.batches.get(uuid.UUID(message["session"])):
                    watched.heard_at = time.monotonic()
                    watched.deliver(Event(message["kind"], message["sequence"], message["text"], message["sentAtMs"]))
            except LAYER_ERRORS as error:
                log.warning("the channel layer lost its channel: %r", error)
                self.channel = None
                for watched in self.batches.values():
                    watched.subscription = None
                return
            except (KeyError, TypeError, ValueError) as error:
                log.warning("a message that is none of ours came over the channel layer: %r", error)

    def _collect(self) -> None:
        """Collect the cycles that requests and connections leave, when there is enough to find.

        A full round walks over all watchers: half a second for five thousand. So the collector never makes one by
        itself (`asgi.py`), and while a crowd comes only what is new since the last round is walked over. What was still
        needed then, and is not any more, waits for a full round, after more comings and goings than are here. While a
        crowd leaves, the others still wait for their last event: rounds wait until it has settled, within limits.
        """
        patience = 1 if self.turnover == self.seen or self.watchers < FEW else UNSETTLED
        self.seen = self.turnover
        if self.turnover >= patience * (COLLECT_AFTER + self.watchers):
            self.turnover = self.collected = self.seen = 0
            gc.collect()
        elif self.turnover >= self.collected + patience * COLLECT_AFTER:
            self.collected = self.turnover
            gc.collect(1)

    async def _poll(self) -> None:
        """What no hint told: lost ones, everything while Redis is away. One query for all batches."""
        while True:
            await asyncio.sleep(POLL_S)
            self._collect()
            for session_id, watched in self.batches.items():
                if watched.subscription is None:
                    watched.subscription = self._spawn(self._subscribe(session_id, watched))
            since = time.monotonic() - POLL_S
            quiet = {pk: watched.sequence for pk, watched in self.batches.items() if watched.heard_at < since}
            try:
                for session_id, event in await self.newer_events(quiet) if quiet else ():
                    self.deliver(session_id, event)
            except Exception:
                log.exception("the rows of watched batches could not be read; the next round tries again")

    async def _recheck(self) -> None:
        """Who logged out, or lost a token or a role, may not go on watching. A few queries for all of them."""
        while True:
            await asyncio.sleep(RECHECK_S)
            watching = [
                ((watcher.credential, session_id), watcher)
                for session_id, watched in (() if is_personal() else self.batches.items())
                for watcher in watched.watchers
            ]
            try:
                refused = await self.refused({watch for watch, _ in watching}) if watching else {}
            except Exception:
                log.exception("the rights of watchers could not be read; the next round tries again")
                continue
            for watch, watcher in watching:
                if watch in refused:
                    watcher.doubt()
