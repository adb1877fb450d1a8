"""One hub for each event loop: it subscribes to every watched batch once, however many clients watch it.

The channel layer brings hints quickly; the rows of all watched batches, read together once a second, decide. So when
Redis loses everything, a watcher is a second or two late, no more. Each watcher has one slot for the newest event: a
slow one gets fewer events, never an older one, and never misses the last.
"""

import asyncio
import contextlib
import gc
import logging
import math
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from weakref import WeakKeyDictionary

import redis
from channels.layers import get_channel_layer

from backtester.accounts.credentials import Credential
from batches import permissions
from batches.errors import TooMany
from batches.live.garbage import FULL, CollectionSchedule, GrowthSchedule
from batches.live.reads import newer_events, read
from batches.live.subscriptions import Event, SendEvent, WatchedBatch, Watcher
from batches.ops.descriptors import max_streams
from batches.ops.memory import give_back, own_bytes
from batches.results import array_cache, cache
from batches.running.events import group_name

log = logging.getLogger(__name__)
POLL_S = 1.0
COLLECT_S = 1.0
SETTLE_S = 12.0  # after results were dropped from the caches
RECHECK_S = 20.0  # a stream ends at most this long, and a moment, after the permission to watch was lost
SUBSCRIBE_S = 1.0
MAX_OPENING = 16  # event streams that open at the same time
CLOSE_JITTER_S = 0.002  # for each watcher: several times what closing takes, so that other events are not delayed
# What the layer raises while Redis is away; RuntimeError: its channel was lost with the connection.
LAYER_ERRORS = (redis.RedisError, OSError, RuntimeError)

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, "Hub"] = WeakKeyDictionary()


def current_hub() -> "Hub":
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


class Hub:
    """The watchers of this process and event loop, by batch."""

    def __init__(self) -> None:
        self.batches: dict[uuid.UUID, WatchedBatch] = {}
        self.watchers = 0
        self.collections = CollectionSchedule()
        self.growth = GrowthSchedule()
        self.settled_at = math.inf  # monotonic seconds
        self.channel: str | None = None
        self.channel_lock = asyncio.Lock()
        self.opening_streams = asyncio.Semaphore(MAX_OPENING)
        self.tasks: set[asyncio.Task[None]] = set()
        self._spawn(self._repeat(POLL_S, self._poll))
        self._spawn(self._repeat(RECHECK_S, self._recheck))
        self._spawn(self._repeat(COLLECT_S, self._collect))

    @contextlib.contextmanager
    def watching(
        self, session_id: uuid.UUID, credential: Credential | None = None, send: SendEvent | None = None
    ) -> Iterator[Watcher]:
        """Watch the batch. The last watcher that leaves ends the subscription."""
        limit, source = max_streams()
        if self.watchers >= limit:
            raise TooMany(f"This server has reached its limit of {limit:,} open streams ({source}).")
        watcher, batch = Watcher(credential, send), self.batches.setdefault(session_id, WatchedBatch())
        batch.watchers.add(watcher)
        self._count(1)
        try:
            yield watcher
        finally:
            self._count(-1)
            watcher.timer.cancel()
            batch.watchers.discard(watcher)
            if not batch.watchers:
                batch.drop_held()
                del self.batches[session_id]
                self._spawn(self._unsubscribe(session_id))

    async def subscribed(self, session_id: uuid.UUID) -> None:
        """Return when hints for the batch arrive, or cannot arrive; then the poll replaces them."""
        batch = self.batches[session_id]
        subscription = batch.subscription or self._subscribe(session_id, batch)
        if not subscription.done():
            # `wait` does not cancel it: other watchers share the subscription.
            await asyncio.wait({subscription})

    async def close_jitter(self) -> None:
        """Wait for a random time, so that thousands of connections do not close together.

        To close costs more than to send: clients that still wait for an event, even the same one, would get it late.
        """
        await asyncio.sleep(random.uniform(0, self.watchers * CLOSE_JITTER_S))

    def deliver(self, session_id: uuid.UUID, event: Event | None) -> None:
        """Deliver an event to the watchers of the batch. None: it seems to be deleted, and they check that."""
        if batch := self.batches.get(session_id):
            batch.request_check() if event is None else batch.deliver(event)

    def _count(self, change: int) -> None:
        self.watchers += change
        self.collections.count_change()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def _subscribe(self, session_id: uuid.UUID, batch: WatchedBatch) -> asyncio.Task[None]:
        batch.subscription = self._spawn(self._add_to_group(session_id, batch))
        return batch.subscription

    async def _add_to_group(self, session_id: uuid.UUID, batch: WatchedBatch) -> None:
        try:
            async with asyncio.timeout(SUBSCRIBE_S):
                await get_channel_layer().group_add(group_name(session_id), await self._open_channel())
        except LAYER_ERRORS as error:
            batch.subscription = None  # the next poll tries again
            log.warning("subscription to %s failed, polling the database: %r", session_id, error)

    async def _unsubscribe(self, session_id: uuid.UUID) -> None:
        if session_id in self.batches or self.channel is None:  # a new watcher was faster than this task
            return
        with contextlib.suppress(*LAYER_ERRORS):  # a subscription that stays does no harm
            async with asyncio.timeout(SUBSCRIBE_S):
                await get_channel_layer().group_discard(group_name(session_id), self.channel)

    async def _open_channel(self) -> str:
        async with self.channel_lock:
            if self.channel is None:
                layer = get_channel_layer()
                layer.channels.clear()  # left by failed attempts; the hub is the only user of the layer in this loop
                self.channel = await layer.new_channel()
                self._spawn(self._receive(self.channel))
            return self.channel

    async def _receive(self, channel: str) -> None:
        """Deliver hints for as long as the channel exists. The layer resubscribes by itself when Redis returns."""
        layer = get_channel_layer()
        while True:
            try:
                message = await layer.receive(channel)
                if batch := self.batches.get(uuid.UUID(message["session"])):
                    batch.last_hint_at = time.monotonic()
                    batch.deliver(Event(message["kind"], message["sequence"], message["text"], message["sentAtMs"]))
            except LAYER_ERRORS as error:
                log.warning("channel of the channel layer lost: %r", error)
                self.channel = None
                for batch in self.batches.values():
                    batch.subscription = None
                return
            except Exception:
                log.exception("message on the channel layer ignored")

    async def _repeat(self, interval_s: float, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step for as long as the loop runs; one that fails is logged, and the next one follows."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await step()
            except Exception:
                log.exception("%s failed, retrying in %g s", step.__name__.strip("_"), interval_s)

    async def _poll(self) -> None:
        """Deliver what no hint has brought: lost events, and all events while Redis is away."""
        for session_id, batch in self.batches.items():
            if batch.subscription is None:
                self._subscribe(session_id, batch)
        since = time.monotonic() - POLL_S
        sequences = {pk: batch.sequence for pk, batch in self.batches.items() if batch.last_hint_at < since}
        for session_id, event in await read(newer_events, sequences) if sequences else ():
            self.deliver(session_id, event)

    async def _recheck(self) -> None:
        """Make streams check whose permission was lost: by a logout, a revoked token or another role."""
        if permissions.is_personal():
            return
        watches = [
            ((watcher.credential, session_id), watcher)
            for session_id, batch in self.batches.items()
            for watcher in batch.watchers
        ]
        refused = await read(permissions.refused, {watch for watch, _ in watches}) if watches else {}
        for watch, watcher in watches:
            if watch in refused:
                watcher.request_check()

    async def _collect(self) -> None:
        """Collect garbage, and give memory back after the process has grown."""
        now = time.monotonic()
        has_dropped = any([cache.cache.drop_unused(now), array_cache.cache.drop_unused(now)])
        if has_dropped:  # what a request still holds is free a little later
            self.settled_at = now + SETTLE_S
        has_settled = now >= self.settled_at
        if has_settled:
            self.settled_at = math.inf
        has_grown = self.growth.due(own_bytes(), self.watchers, now)
        generation = FULL if has_grown or has_settled else self.collections.due(self.watchers)
        if generation is not None:
            gc.collect(generation)
        if has_grown or has_dropped or has_settled:
            await asyncio.to_thread(give_back)
