"""Watch a batch in the foreground until it ends, or until Ctrl-C: then ask what is meant."""

import select
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from backtester.client import ClientError, Event
from backtester.terminal.screens import Screen, screen_for
from batches.errors import BatchError

COMPLETE, FAILED, INTERRUPTED = 0, 1, 130
CANCEL, LEAVE = "c", "l"
QUESTION = "\nCancel the batch (c), leave it running (l), or go on watching (Enter)? "


class Followed(Protocol):
    """A batch wherever it lives; the client's own `Batch` is one."""

    id: str
    page_url: str

    def watch(self, *, on_trouble: Callable[[str], None]) -> Iterator[Event]:
        """Each newer event, until the last one."""

    def cancel(self) -> bool:
        """Whether that changed anything."""


def follow(batch: Followed, *, as_json: bool) -> int:
    """The exit code: 0 when the batch is complete, 1 when it failed, 130 when Ctrl-C left it."""
    screen = screen_for(sys.stdout, as_json=as_json)
    signal.signal(signal.SIGTERM, _leave)  # by default nobody would give the terminal its cursor back
    while True:
        try:
            return _watch(batch, screen)
        except KeyboardInterrupt:
            answer = ask() if screen.can_ask and sys.stdin.isatty() else LEAVE
        if answer in (CANCEL, LEAVE):
            return _part(batch, cancel=answer == CANCEL)


def _watch(batch: Followed, screen: Screen) -> int:
    last = None
    with screen:
        for event in batch.watch(on_trouble=screen.trouble):
            screen.show(event)
            last = event
    assert last is not None, "a watch ends with the last event"
    screen.end(last, batch.page_url)
    if last.type == "complete":
        return COMPLETE
    print(f"error: {last.error}", file=sys.stderr)
    return FAILED


def ask() -> str:
    """CANCEL, LEAVE, or anything else to go on. Another Ctrl-C, or the end of the input, leaves the batch running."""
    try:
        print(QUESTION, end="", file=sys.stderr, flush=True)
        # Not input(): a Ctrl-C in the moment before it reads would wait for the next key.
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        return LEAVE
    return answer.strip().lower()[:1] if answer else LEAVE


def _part(batch: Followed, *, cancel: bool) -> int:
    try:
        if cancel and batch.cancel():
            words = "Cancelled; what is finished stays:"
        elif cancel:
            words = "It had ended already:"
        else:
            words = "It goes on. Watch it again with `manage.py watch_batch`, or at"
        print(f"\n{words} {batch.page_url}", file=sys.stderr)
    except (ClientError, BatchError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
    return INTERRUPTED


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
