"""Watch a batch in the foreground until it ends; Ctrl-C asks whether to cancel it."""

import contextlib
import select
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

from backtester.client import ClientError, Event
from backtester.terminal.screens import JudgedBatch, Screen, screen_for
from batches.errors import BatchError

COMPLETE, FAILED, INTERRUPTED = 0, 1, 130
CANCEL, LEAVE = "c", "l"
QUESTION = "\nCancel the batch (c), leave it running (l), or go on watching (Enter)? "


class WatchableBatch(JudgedBatch, Protocol):
    id: str

    def watch(self, *, on_trouble: Callable[[str], None]) -> Iterator[Event]: ...

    def cancel(self) -> bool: ...


def follow(batch: WatchableBatch, *, as_json: bool) -> int:
    """Return the exit code: 0 when the batch is complete, 1 when it failed, 130 when Ctrl-C ended the command."""
    screen = screen_for(sys.stdout, as_json=as_json)
    signal.signal(signal.SIGTERM, _exit)  # the default action would leave the terminal without its cursor
    while True:
        try:
            return _watch(batch, screen)
        except KeyboardInterrupt:
            answer = ask() if screen.can_ask and sys.stdin.isatty() else LEAVE
        if answer in (CANCEL, LEAVE):
            return _interrupt(batch, cancel=answer == CANCEL)


def _watch(batch: WatchableBatch, screen: Screen) -> int:
    with screen:
        for event in batch.watch(on_trouble=screen.show_trouble):
            screen.show(event)
    screen.show_end(event, batch.page_url)
    with contextlib.suppress(KeyboardInterrupt, ClientError, BatchError):  # the batch itself has ended
        screen.show_verdict(batch)
    if event.type == "complete":
        return COMPLETE
    print(f"error: {event.error}", file=sys.stderr)
    return FAILED


def ask() -> str:
    """Return CANCEL, LEAVE, or anything else to go on. Another Ctrl-C, or the end of the input, is LEAVE."""
    try:
        print(QUESTION, end="", file=sys.stderr, flush=True)
        # Not input(): a Ctrl-C just before it reads would be noticed at the next key only.
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            pass
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        return LEAVE
    return answer.strip().lower()[:1] if answer else LEAVE


def _interrupt(batch: WatchableBatch, *, cancel: bool) -> int:
    try:
        if cancel and batch.cancel():
            message = "Cancelled; finished results are kept:"
        elif cancel:
            message = "The batch had already ended:"
        else:
            message = "The batch is still running. Watch it with `manage.py watch_batch`, or at"
        print(f"\n{message} {batch.page_url}", file=sys.stderr)
    except (ClientError, BatchError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
    return INTERRUPTED


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
