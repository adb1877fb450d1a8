"""Delete old batches: by age, by number, or by the room that their results take. What runs is never touched."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Sum

from batches.errors import Conflict
from batches.models import TERMINAL, BatchSession
from batches.results.columns import result_bytes
from batches.running import lifecycle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What may stay; None: no limit. A batch that is over any of them goes."""

    older_than: timedelta | None = None
    keep_last: int | None = None
    max_bytes: int | None = None


def kept_bytes() -> int:
    """About what the results of all batches take: the tests that are done, at the size of their metrics."""
    done = BatchSession.objects.aggregate(done=Sum(F("successful") + F("failed")))["done"]
    return result_bytes(done or 0)


def outdated(limits: Limits, now: datetime) -> Iterator[BatchSession]:
    """The ended batches that are over a limit. Ended or not, the newest count first towards number and room."""
    kept = 0
    room = limits.max_bytes
    for session in BatchSession.objects.order_by("-created_at", "-pk").defer("results", "pace", "leaders", "request"):
        size = result_bytes(session.current)
        over = (
            (limits.older_than is not None and (session.ended_at or now) < now - limits.older_than)
            or (limits.keep_last is not None and kept >= limits.keep_last)
            or (room is not None and size > room)
        )
        if over and session.status in TERMINAL:
            yield session
            continue
        kept += 1
        if room is not None:
            room -= size


def prune(limits: Limits, now: datetime) -> tuple[int, int]:
    """Delete them one by one, each in a transaction of its own; (batches, bytes of results) that went."""
    number = size = 0
    for session in list(outdated(limits, now)):
        try:
            if lifecycle.delete(session.pk):
                number, size = number + 1, size + result_bytes(session.current)
        except Conflict:  # somebody else needs it still
            continue
    if number:
        log.info("%d old batches were deleted, with about %d MB of results", number, size // 10**6)
    return number, size
