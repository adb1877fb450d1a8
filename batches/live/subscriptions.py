"""What the hub keeps: an event, the slot of one open stream, and a batch that somebody watches."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from backtester.accounts.credentials import Credential
from batches.live.eager import begin

HEARTBEAT_S = 4.0  # a stream is never quiet for longer than twice this; what is not acknowledged, the kernel drops
EARLY = 0.1  # the part of EVENT_INTERVAL_S by which an event may be early: commits and clocks are not exact


@dataclass(slots=True)
class Event:
    """What goes out to a watcher: encoded once, however many watch."""

    kind: str
    sequence: int
    text: str
    sent_at_ms: float
    _frame: bytes = field(default=b"", compare=False, repr=False)

    @property
    def is_terminal(self) -> bool:
        """Nothing comes after it."""
        return self.kind in {"complete", "error"}

    @property
    def frame(self) -> bytes:
        """As EventSource reads it. The text is one line of JSON."""
        if not self._frame:
            self._frame = f"id: {self.sequence}\nevent: {self.kind}\ndata: {self.text}\n\n".encode()
        return self._frame


Send = Callable[[Event], Coroutine[Any, Any, None]]


class Watcher:
    """The slot of one open stream. send : for events that need not wait for whoever follows; see `follow`."""

    __slots__ = ("credential", "doubted", "idle", "newest", "rest", "send", "sequence", "timer", "waiting")

    def __init__(self, credential: Credential | None, send: Send | None = None) -> None:
        self.credential = credential
        self.send = send
        self.rest: Coroutine[Any, Any, None] | None = None  # of a send that was begun and has to wait
        self.newest: Event | None = None  # not taken yet
        self.sequence = -1  # the highest seen
        self.waiting: asyncio.Future[None] | None = None
        self.idle = True
        self.doubted = False  # the row, or the right, was not there: whoever follows is to look for himself
        self.timer = self._later()

    def offer(self, event: Event) -> None:
        """Send it, if whoever follows has nothing else to do; else keep it, the newest, and wake whoever waits."""
        if event.sequence <= self.sequence:
            return
        self.sequence = event.sequence
        if self.send and not event.is_terminal and self.waiting is not None and not self.waiting.done():
            self.idle = False
            self.rest = begin(self.send(event))
            if self.rest is None:
                return
        else:
            self.newest = event
        self._wake()

    def skip_to(self, sequence: int) -> None:
        """What is not newer has been told already."""
        self.sequence = max(self.sequence, sequence)
        if self.newest is not None and self.newest.sequence <= sequence:
            self.newest = None

    def doubt(self) -> None:
        """The batch may have been deleted, or the right to watch it lost."""
        self.doubted = True
        self._wake()

    async def take(self) -> Event | None:
        """The newest event, once there is one that was not sent yet; None when a heartbeat is due, or a doubt is to be
        settled."""
        while self.newest is None and not self.doubted:
            self.waiting = asyncio.get_running_loop().create_future()
            await self.waiting
            if self.rest is None:
                break
            rest, self.rest = self.rest, None
            await rest
        event, self.newest, self.idle = self.newest, None, False
        return event

    def _wake(self) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(None)

    def _beat(self) -> None:
        """One slow timer for each watcher, not one for each event: it looks whether anything was taken since."""
        if self.idle:
            self._wake()
        self.idle = True
        self.timer = self._later()

    def _later(self) -> asyncio.TimerHandle:
        # In no context: that of a request would keep alive what Django made for it, as long as somebody watches.
        return asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat, context=contextvars.Context())


@dataclass(eq=False, slots=True)
class Watched:
    """A batch that somebody watches here."""

    watchers: set[Watcher] = field(default_factory=set)
    subscription: "asyncio.Task[None] | None" = None  # none: to be tried again
    sequence: int = 0  # the newest that was handed out
    heard_at: float = 0.0  # when the channel layer spoke last
    turn_ms: float = 0.0  # the next progress may have been sent at this time
    held: Event | None = None
    timer: asyncio.TimerHandle | None = None

    def deliver(self, event: Event) -> None:
        """Hand it to everyone: at once, or, when it follows the one before too closely, in its turn.

        The pace is judged by when events were sent, not by when they came: a moment's delay in this process would
        otherwise be passed on to all that follow.
        """
        if event.sequence <= max(self.sequence, self.held.sequence if self.held else 0):
            return
        interval_ms = settings.EVENT_INTERVAL_S * 1000
        early_ms = self.turn_ms - event.sent_at_ms
        if event.is_terminal or early_ms <= EARLY * interval_ms:
            self._hand_out(event)
            return
        self.held = event
        if self.timer is None:
            delay_s = min(early_ms, interval_ms) / 1000
            self.timer = asyncio.get_running_loop().call_later(delay_s, self._release)

    def doubt(self) -> None:
        """There was no row."""
        for watcher in self.watchers:
            watcher.doubt()

    def _hand_out(self, event: Event) -> None:
        self.stop()
        self.sequence = event.sequence
        self.turn_ms = max(self.turn_ms, event.sent_at_ms) + settings.EVENT_INTERVAL_S * 1000
        for watcher in self.watchers:
            watcher.offer(event)

    def _release(self) -> None:
        if self.held is not None:
            self._hand_out(self.held)

    def stop(self) -> None:
        """Forget what is held."""
        if self.timer is not None:
            self.timer.cancel()
        self.held = self.timer = None
