"""Errors that stop a start with one sentence."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class StackError(Exception):
    """The stack cannot start. The message says why and what to do; it is printed without a traceback."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Exit with a sentence where a start fails: a file that cannot be written is no error of the program."""
    try:
        yield
    except StackError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        log.debug("start failed", exc_info=error)
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: Cannot start: {place}{error.strerror or error}.")
