"""When the database cannot take a write: whose fault it is, and what the caller is told."""

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
    """507 when there is no room, 503 when the database is busy or away: both may be tried again."""
    words = str(error)
    if any(sign in words for sign in FULL_IN_SQLITE) or getattr(error.__cause__, "sqlstate", "") == FULL_IN_POSTGRESQL:
        return _full("The disk of the database is full")
    first_line = words.partition("\n")[0]
    return BatchError(
        f"The database does not take the change at the moment ({first_line[:100]}). Try again.",
        code="DATABASE_BUSY",
        status=503,
    )


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the database says into a refusal that every door can show."""
    try:
        yield
    except OperationalError as error:
        raise refusal(error) from error


def refuse_when_full(wanted: int) -> None:
    """BatchError 507 when the disk has no room for so many bytes of results, and a reserve for what runs already."""
    database = settings.DATABASES["default"]
    folder = Path(database["NAME"]).parent
    if not database["ENGINE"].endswith("sqlite3") or not folder.is_dir():  # another machine's disk, or memory
        return
    free = shutil.disk_usage(folder).free
    if free < wanted + settings.DISK_RESERVE_BYTES:
        raise _full(
            f"The results need {_megabytes(wanted)} MB beside a reserve of {_megabytes(settings.DISK_RESERVE_BYTES)} MB"
            f" (DISK_RESERVE_BYTES), and {_megabytes(free)} MB are free on the disk of the database"
        )


def _full(what: str) -> BatchError:
    return BatchError(
        f"{what}. Nothing was stored. Free some space, or delete old batches, then try again.",
        code="STORAGE_FULL",
        status=507,
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f}"
