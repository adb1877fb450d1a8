"""What a watcher knows and decides, whatever carries its events: no socket and no clock of its own in here.

Websocket first, then an event stream, then polling, as proxies allow. Each event is the whole state, so that a watcher
that lost its connection has lost nothing: it comes back and goes on with what is newer.
"""

import json
import random
from collections.abc import Iterator

from backtester.client.errors import Refused, Unreachable, refusal
from backtester.client.events import Event

WEBSOCKET, EVENT_STREAM, POLLING = LADDER = ("websocket", "event stream", "polling")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.3, 8.0
POLL_S, POLLS = 1.0, 60  # after so many polls the better ways are tried again
PATIENCE_S, FIRST_PATIENCE_S = 300.0, 30.0  # of a server that is away; and of one that was never there
FINAL_CLOSE_CODES = {4401: 401, 4403: 403, 4404: 404}
FINAL_WORDS = {401: "A token is wanted.", 403: "This token may not watch it.", 404: "There is no such batch."}


class Watching:
    """The state of one watch. lost_at : monotonic seconds since when nothing was heard; a quiet stream is heard."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self.rung = 0
        self.failures = 0
        self.sequence = -1
        self.ended = False
        self.lost_at: float | None = None
        self.patience_s = patience_s

    @property
    def transport(self) -> str:
        """What to try now."""
        return LADDER[self.rung]

    def heard(self, text: str | bytes) -> Event | None:
        """The event, unless it is no newer than the last one. Refused when the server says no on the stream itself."""
        try:
            data = json.loads(text)
        except ValueError:
            raise Unreachable(f"{text[:40]!r} came instead of an event; is the address right?") from None
        if data.get("success") is False:
            raise refusal(STATUS_OF_CODE.get(data.get("code"), 500), data)
        event = Event.from_wire(data)
        self.failures, self.lost_at = 0, None
        if event.sequence <= self.sequence:
            return None
        self.sequence, self.ended = event.sequence, event.is_terminal
        return event

    def closed(self) -> float:
        """The server ended the stream without its last word, as it does now and then; seconds to wait."""
        self.rung = 0
        self.failures += 1  # streams that end at once, again and again, are no streams
        return 0.0 if self.failures == 1 else self._pause()

    def lost(self, error: Exception, *, now: float) -> float:
        """The connection broke, or never was; seconds to wait before the next try. Raises what is final."""
        if isinstance(error, Refused) and error.is_final:
            raise error
        if (final := FINAL_CLOSE_CODES.get(close_code(error))) is not None:
            raise refusal(final, {"error": FINAL_WORDS[final]}) from error
        self.lost_at = now if self.lost_at is None else self.lost_at
        patience_s = self.patience_s if self.sequence >= 0 else min(self.patience_s, FIRST_PATIENCE_S)
        if now - self.lost_at > patience_s:
            raise Unreachable(f"Nothing was heard for {patience_s:g} s: {in_words(error)}") from error
        was_live = self.failures == 0 and self.sequence >= 0
        self.failures += 1
        self.rung = 0 if was_live else (self.rung + 1) % len(LADDER)
        return self._pause()

    def _pause(self) -> float:
        """The first try comes at once, with some spread; later ones further and further apart."""
        return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 10)))


STATUS_OF_CODE = {"NOT_FOUND": 404, "UNAUTHORIZED": 401, "NOT_SIGNED_IN": 401, "FORBIDDEN": 403, "LIMIT_REACHED": 429}


def close_code(error: Exception) -> int:
    """The code with which the server closed a websocket; 0 for all else."""
    received = getattr(error, "rcvd", None)
    return int(received.code) if received is not None else 0


def in_words(error: Exception) -> str:
    """Never empty."""
    return str(error) or type(error).__name__


class StreamParser:
    """Server-Sent Events from the bytes of a stream. Our server ends lines with a newline."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        """The data of each event that is complete by now; comments (heartbeats) have none."""
        *frames, self.rest = (self.rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for frame in frames:
            lines = [line[5:].removeprefix(b" ") for line in frame.split(b"\n") if line.startswith(b"data:")]
            if lines:
                yield b"\n".join(lines).decode()
