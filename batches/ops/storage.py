"""Refusals for when the database is full, busy or away."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import OperationalError

from batches.errors import BatchError

FULL_IN_SQLITE = ("disk is full", "disk I/O error")
FULL_IN_POSTGRESQL = "53100"


def refusal(error: OperationalError) -> BatchError:
    """Return 507 for a full disk, 503 for a database that is busy or away. Either request may be sent again."""
    message, sqlstate = str(error), getattr(error.__cause__, "sqlstate", "")
    if sqlstate == FULL_IN_POSTGRESQL or any(text in message for text in FULL_IN_SQLITE):
        return _storage_full("The disk of the database is full")
    first_line = message.partition("\n")[0]
    return BatchError(
        f"Database unavailable: {first_line[:100]}. Try again.",
        code="DATABASE_BUSY",
        status=503,
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what the database raises as a `BatchError`."""
    try:
        yield
    except OperationalError as error:
        raise refusal(error) from error


def require_space(size: int) -> None:
    """Raise 507 unless the disk has room for `size` bytes and for the reserve, so that running batches can end."""
    database = settings.DATABASES["default"]
    folder = Path(database["NAME"]).parent
    if not database["ENGINE"].endswith("sqlite3") or not folder.is_dir():  # a remote database, or one in memory
        return
    free = shutil.disk_usage(folder).free
    if free < size + settings.DISK_RESERVE_BYTES:
        raise _storage_full(
            f"The results need {_megabytes(size)} MB and a reserve of {_megabytes(settings.DISK_RESERVE_BYTES)} MB"
            f" (DISK_RESERVE_BYTES); the disk of the database has {_megabytes(free)} MB free"
        )


def _storage_full(reason: str) -> BatchError:
    return BatchError(
        f"{reason}. Nothing was stored. Free disk space or delete old batches, then try again.",
        code="STORAGE_FULL",
        status=507,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"
