"""Delete ended batches by age, number or size of their results. Active batches are kept."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from batches.errors import Conflict
from batches.models import TERMINAL, BatchSession
from batches.results.blocks import result_bytes
from batches.running import lifecycle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What is kept; None for no limit. A batch over any limit is deleted."""

    older_than: timedelta | None = None
    keep_last: int | None = None
    max_bytes: int | None = None


def outdated(limits: Limits, now: datetime) -> Iterator[BatchSession]:
    """Yield the ended batches over a limit. The newest, active ones included, count first towards number and size."""
    kept = 0
    space = limits.max_bytes
    for session in BatchSession.objects.narrow().order_by("-created_at", "-pk"):
        size = result_bytes(session.current)
        over = (
            (limits.older_than is not None and (session.ended_at or now) < now - limits.older_than)
            or (limits.keep_last is not None and kept >= limits.keep_last)
            or (space is not None and size > space)
        )
        if over and session.status in TERMINAL:
            yield session
            continue
        kept += 1
        if space is not None:
            space -= size


def prune(limits: Limits, now: datetime) -> tuple[int, int]:
    """Delete the batches over a limit, each in its own transaction. Return (batches, bytes of results) deleted."""
    number = size = 0
    for session in list(outdated(limits, now)):
        try:
            if lifecycle.delete(session.pk):
                number, size = number + 1, size + result_bytes(session.current)
        except Conflict:  # active again since it was read
            continue
    if number:
        log.info("old batches deleted: %d, about %d MB of results", number, size // 10**6)
    return number, size
