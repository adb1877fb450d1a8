"""How a batch changes its state: the table of moves, and every ending.

A move is one conditional update. Whoever changed the row announces it; zero rows changed means that someone was first,
which is normal and needs no error.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone

from batches.errors import Conflict, TooMany
from batches.models import ACTIVE, BatchSession, Status
from batches.running.events import publish
from batches.running.queue import enqueue
from batches.running.summary import summarise
from batches.sweep.progress import timeout_words

log = logging.getLogger(__name__)
MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.ERROR, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.COMPLETE, Status.ERROR, Status.CANCELLED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.RUNNING, Status.COMPLETE, Status.ERROR, Status.CANCELLED}),
    Status.COMPLETE: frozenset(),
    Status.ERROR: frozenset(),
    Status.CANCELLED: frozenset(),
}
QUEUE_DEPTH = 4  # messages of one batch in the queue: enough to keep a few workers busy, few enough to be fair


def refuse_when_full() -> None:
    """TooMany when as many batches are active as this installation allows."""
    active = BatchSession.objects.filter(status__in=ACTIVE).count()
    if active >= settings.BATCH_MAX_RUNNING:
        raise TooMany(
            f"{active} batches are active; at most {settings.BATCH_MAX_RUNNING} may be (BATCH_MAX_RUNNING)."
            " Wait for one to end, or cancel one."
        )


def move(
    session_id: uuid.UUID, to: Status, now: datetime, *, only: dict[str, Any] | None = None, **changes: Any
) -> bool:
    """Move a batch to another state, from any state that the table allows, and announce it. False: someone was first.

    The terminal event gets the sequence after the next: the one between is for the `connected` event of late watchers.
    """
    sources = [status for status, targets in MOVES.items() if to in targets]
    changed = BatchSession.objects.filter(pk=session_id, status__in=sources, **(only or {})).update(
        status=to, sequence=F("sequence") + (2 if to.is_terminal else 1), published_at=now, **changes
    )
    if changed:
        log.info("the batch is now %s", to, extra={"session": str(session_id)})
        publish(BatchSession.objects.get(pk=session_id))
    return bool(changed)


def complete(session_id: uuid.UUID) -> bool:
    """End a batch whose tests are all done. The summary is made before the move: it takes a while at a million rows."""
    session = BatchSession.objects.get(pk=session_id)
    if session.state.is_terminal or session.current < session.total:
        return False
    try:
        results = summarise(session)
    except (OperationalError, InterfaceError):  # the watchdog tries again
        raise
    except Exception as error:  # else it would be tried for ever; the results themselves are stored and can be read
        log.exception("the summary of batch %s cannot be made", session_id)
        return fail(session_id, timezone.now(), f"The summary cannot be made: {type(error).__name__}: {error}"[:500])
    now = timezone.now()  # the summary belongs to the time that the batch took
    return move(session_id, Status.COMPLETE, now, ended_at=now, results=results)


def cancel(session_id: uuid.UUID, now: datetime) -> bool:
    """Stop a batch. What is finished stays."""
    return _end(session_id, Status.CANCELLED, now, "The batch was cancelled.", "CANCELLED")


def expire(session: BatchSession, now: datetime) -> bool:
    """End a batch that passed its deadline. What is finished stays."""
    words = f"Operation timed out after {timeout_words(session.timeout_s)}."
    return _end(session.id, Status.ERROR, now, words, "TIMEOUT", only={"deadline_at__lte": now})


def fail(session_id: uuid.UUID, now: datetime, words: str) -> bool:
    """End a batch that cannot go on."""
    return _end(session_id, Status.ERROR, now, words, "INTERNAL_ERROR")


def pause(session_id: uuid.UUID, now: datetime) -> bool:
    """Let the workers finish what they hold, and give them nothing more. The deadline stands still."""
    return move(session_id, Status.PAUSED, now, paused_at=now, deadline_at=None)


def resume(session_id: uuid.UUID, now: datetime) -> bool:
    """Go on after a pause."""
    session = BatchSession.objects.get(pk=session_id)
    if session.paused_at is None:
        return False
    paused_s = session.paused_s + max(0.0, (now - session.paused_at).total_seconds())
    to = Status.RUNNING if session.started_at else Status.QUEUED
    resumed = move(
        session_id,
        to,
        now,
        only={"status": Status.PAUSED, "paused_at": session.paused_at},
        paused_at=None,
        paused_s=paused_s,
        worker_seen_at=now,
        deadline_at=session.created_at + timedelta(seconds=session.timeout_s + paused_s),
    )
    if resumed:
        enqueue(session_id, messages=QUEUE_DEPTH)
    return resumed


def delete(session_id: uuid.UUID) -> bool:
    """Remove an ended batch and its results. False when it is gone already."""
    if BatchSession.objects.filter(pk=session_id, status__in=ACTIVE).exists():
        raise Conflict("The batch is still active; cancel it first, then delete it.", code="STILL_ACTIVE")
    removed, _ = BatchSession.objects.filter(pk=session_id).exclude(status__in=ACTIVE).delete()
    return bool(removed)


def _end(session_id: uuid.UUID, to: Status, now: datetime, words: str, code: str, **conditions: Any) -> bool:
    return move(session_id, to, now, ended_at=now, deadline_at=None, error=words, error_code=code, **conditions)
