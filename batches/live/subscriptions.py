"""The data of the hub: an encoded event, the slot of one open stream, and a batch that is watched."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from backtester.accounts.credentials import Credential
from batches.live.eager import Unfinished, start

HEARTBEAT_S = 4.0  # no stream is quiet for longer than twice this; the kernel drops clients that acknowledge nothing
EARLY_TOLERANCE = 0.1  # the part of EVENT_INTERVAL_S by which an event may be early: commits and clocks are not exact


@dataclass(slots=True)
class Event:
    kind: str
    sequence: int
    text: str
    sent_at_ms: float
    _frame: bytes = field(default=b"", compare=False, repr=False)

    @property
    def is_terminal(self) -> bool:
        return self.kind in {"complete", "error"}

    @property
    def frame(self) -> bytes:
        """The event in the format of EventSource. The text is one line of JSON."""
        if not self._frame:
            self._frame = f"id: {self.sequence}\nevent: {self.kind}\ndata: {self.text}\n\n".encode()
        return self._frame


SendEvent = Callable[[Event], Unfinished]


class Watcher:
    """The slot of one open stream, which holds the newest event until the stream takes it.

    send : called for progress while the stream waits in `take`. Waking a task for each event and watcher instead costs
    15 to 20 % more processor time, and the last watchers get the event a third later.
    """

    __slots__ = (
        "check_due", "credential", "newest", "quiet", "send", "sequence", "timer", "unfinished_send", "waiting",
    )  # fmt: skip

    def __init__(self, credential: Credential | None, send: SendEvent | None = None) -> None:
        self.credential = credential
        self.send = send
        self.unfinished_send: Unfinished | None = None  # of a slow client; `take` finishes it
        self.newest: Event | None = None  # not taken yet
        self.sequence = -1  # the highest offered
        self.waiting: asyncio.Future[None] | None = None
        self.quiet = True  # since the last heartbeat
        self.check_due = False  # the row, or the permission to read it, was missing: the stream reads it again
        self.timer = self._next_heartbeat()

    def offer(self, event: Event) -> None:
        """Send the event if the stream is idle, else keep it as the newest. Older events are ignored."""
        if event.sequence <= self.sequence:
            return
        self.sequence = event.sequence
        if self.send and not event.is_terminal and self.waiting is not None and not self.waiting.done():
            self.quiet = False
            self.unfinished_send = start(self.send(event))
            if self.unfinished_send is None:
                return
        else:
            self.newest = event
        self._wake()

    def skip_to(self, sequence: int) -> None:
        """Drop events up to this sequence: the client has them."""
        self.sequence = max(self.sequence, sequence)
        if self.newest is not None and self.newest.sequence <= sequence:
            self.newest = None

    def request_check(self) -> None:
        self.check_due = True
        self._wake()

    async def take(self) -> Event | None:
        """Return the newest event as soon as there is one, or None when a heartbeat or a check is due."""
        while self.newest is None and not self.check_due:
            self.waiting = asyncio.get_running_loop().create_future()
            await self.waiting
            if self.unfinished_send is None:
                break
            unfinished_send, self.unfinished_send = self.unfinished_send, None
            await unfinished_send
        event, self.newest, self.quiet = self.newest, None, False
        return event

    def _wake(self) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def _heartbeat(self) -> None:
        # One slow timer for each watcher, instead of one for each event.
        if self.quiet:
            self._wake()
        self.quiet = True
        self.timer = self._next_heartbeat()

    def _next_heartbeat(self) -> asyncio.TimerHandle:
        # In an empty context: that of the request would keep alive all that Django has made for it.
        return asyncio.get_running_loop().call_later(HEARTBEAT_S, self._heartbeat, context=contextvars.Context())


@dataclass(eq=False, slots=True)
class WatchedBatch:
    watchers: set[Watcher] = field(default_factory=set)
    subscription: "asyncio.Task[None] | None" = None  # None: subscribe at the next poll
    sequence: int = 0  # the newest that watchers were offered
    last_hint_at: float = 0.0  # monotonic seconds
    next_due_ms: float = 0.0  # progress that was sent earlier is held back until then
    held: Event | None = None
    timer: asyncio.TimerHandle | None = None

    def deliver(self, event: Event) -> None:
        """Offer the event to all watchers; progress at most once in EVENT_INTERVAL_S.

        The interval is between the times of sending, not of arrival, so that a delay in this process is not passed on
        to all later events.
        """
        if event.sequence <= max(self.sequence, self.held.sequence if self.held else 0):
            return
        interval_ms = settings.EVENT_INTERVAL_S * 1000
        early_ms = self.next_due_ms - event.sent_at_ms
        if event.is_terminal or early_ms <= EARLY_TOLERANCE * interval_ms:
            self._offer(event)
            return
        self.held = event
        if self.timer is None:
            delay_s = min(early_ms, interval_ms) / 1000
            self.timer = asyncio.get_running_loop().call_later(delay_s, self._release)

    def request_check(self) -> None:
        for watcher in self.watchers:
            watcher.request_check()

    def drop_held(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.held = self.timer = None

    def _offer(self, event: Event) -> None:
        self.drop_held()
        self.sequence = event.sequence
        self.next_due_ms = max(self.next_due_ms, event.sent_at_ms) + settings.EVENT_INTERVAL_S * 1000
        for watcher in self.watchers:
            watcher.offer(event)

    def _release(self) -> None:
        if self.held is not None:
            self._offer(self.held)
