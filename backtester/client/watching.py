"""The decisions of a watcher: which transport to try, when to try again, when to give up. Without sockets or a clock.

Websocket first, then an event stream, then polling, as proxies allow. Each event is the whole state, so a watcher that
lost its connection has lost nothing: it comes back and goes on with newer events.
"""

import json
import random
from collections.abc import Iterator

from backtester.client.errors import Refused, Unreachable, refusal
from backtester.client.events import Event

WEBSOCKET, EVENT_STREAM, POLLING = TRANSPORTS = ("websocket", "event stream", "polling")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 8.0
POLL_S, POLLS = 1.0, 60  # after that many polls the better transports are tried again
PATIENCE_S, FIRST_PATIENCE_S = 300.0, 30.0  # with a server that went away, and with one that never answered
STATUS_OF_CLOSE_CODE = {4401: 401, 4403: 403, 4404: 404}
MESSAGES = {
    401: "The server needs a token.",
    403: "This token does not permit watching the batch.",
    404: "There is no such batch.",
}
STATUS_OF_CODE = {"NOT_FOUND": 404, "UNAUTHORIZED": 401, "NOT_SIGNED_IN": 401, "FORBIDDEN": 403, "LIMIT_REACHED": 429}


class Watch:
    """The state of one watch. lost_at : monotonic seconds since when the connection is lost; None while it is not."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self.failures = 0
        self.sequence = -1
        self.ended = False
        self.lost_at: float | None = None
        self.patience_s = patience_s
        self.transport_index = 0

    @property
    def transport(self) -> str:
        return TRANSPORTS[self.transport_index]

    def receive(self, text: str | bytes) -> Event | None:
        """Return the event if it is newer than the last one; raise Refused if the server refuses on the stream."""
        try:
            data = json.loads(text)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Unreachable(f"{text[:40]!r} came instead of an event; is the address right?")
        if data.get("success") is False:
            raise refusal(STATUS_OF_CODE.get(str(data.get("code")), 500), data)
        event = Event.from_wire(data)
        self.failures, self.lost_at = 0, None
        if event.sequence <= self.sequence:
            return None
        self.sequence, self.ended = event.sequence, event.is_terminal
        return event

    def stream_ended(self) -> float:
        """Return the seconds to wait after the server ended the stream, as it does every few minutes."""
        self.transport_index = 0
        self.failures += 1  # the next event resets it; streams that end without one are a failure
        return 0.0 if self.failures == 1 else self._pause()

    def connection_lost(self, error: Exception, *, now: float) -> float:
        """Return the seconds to wait before the next try; raise if the error is final or the patience is over."""
        if isinstance(error, Refused) and error.is_final:
            raise error
        if (status := STATUS_OF_CLOSE_CODE.get(close_code(error))) is not None:
            raise refusal(status, {"error": MESSAGES[status]}) from error
        self.lost_at = now if self.lost_at is None else self.lost_at
        patience_s = self.patience_s if self.sequence >= 0 else min(self.patience_s, FIRST_PATIENCE_S)
        if now - self.lost_at > patience_s:
            raise Unreachable(f"No event for {patience_s:g} s: {describe(error)}") from error
        had_events = self.failures == 0 and self.sequence >= 0
        self.failures += 1
        self.transport_index = 0 if had_events else (self.transport_index + 1) % len(TRANSPORTS)
        return self._pause()

    def _pause(self) -> float:
        """Random, so that the watchers of a server that restarts do not all come back at once."""
        return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 10)))


def close_code(error: Exception) -> int:
    """Return the code with which the server closed the websocket, 0 for other errors."""
    frame = getattr(error, "rcvd", None)
    return int(frame.code) if frame is not None else 0


def describe(error: Exception) -> str:
    return str(error) or type(error).__name__


class EventStreamParser:
    """Parses Server-Sent Events from the bytes of a stream, as far as this server's events need it."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the data of each event that is complete; heartbeats are comments, without data."""
        *frames, self.rest = (self.rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for frame in frames:
            lines = [line[5:].removeprefix(b" ") for line in frame.split(b"\n") if line.startswith(b"data:")]
            if lines:
                yield b"\n".join(lines).decode()
