"""Progress lines on the terminal."""

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

FULL = (errno.ENOSPC, errno.EDQUOT)


def say(text: str = "") -> None:
    """Print a line; ignore a closed terminal, a full disk, and characters that the terminal cannot encode."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        say(text.encode("ascii", "replace").decode())
    except OSError as error:
        if error.errno in FULL:
            return  # the next line may find space again
        # At exit Python would write the buffered rest again, and complain.
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115


@contextmanager
def step(action: str) -> Iterator[list[str]]:
    """Print an action at its start and at its end, with its duration and the notes that the caller adds to the list."""
    say(f"  … {action}")
    started, notes = time.monotonic(), list[str]()
    yield notes
    outcome = "".join(f": {note}" for note in notes)
    say(f"  ✓ {action}{outcome} ({time.monotonic() - started:.1f} s)")
