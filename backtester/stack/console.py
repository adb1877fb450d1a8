"""Plain lines on the terminal: what is being done now, and what is done, with the seconds it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str = "") -> None:
    """One line. A terminal that went away is no reason to stop."""
    try:
        print(text, flush=True)
    except OSError:
        # Python would try once more to write what is buffered when it exits, and complain.
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115


@contextmanager
def step(doing: str) -> Iterator[list[str]]:
    """Say what is being done, then that it is done. What the caller puts into the list is told with it."""
    say(f"  … {doing}")
    started, notes = time.monotonic(), list[str]()
    yield notes
    outcome = "".join(f": {note}" for note in notes)
    say(f"  ✓ {doing}{outcome} ({time.monotonic() - started:.1f} s)")
