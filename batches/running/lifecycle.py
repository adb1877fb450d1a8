"""The states of a batch: the table of moves, and every ending.

A move is one conditional update. The process that changed the row publishes the event; zero changed rows mean that
another was first, which is normal.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from backtester.engine import error_text
from batches.errors import Conflict
from batches.models import ACTIVE, BatchSession, Status
from batches.results.columns import ResultColumns
from batches.running.events import publish
from batches.running.queue import wake_workers
from batches.running.summary import summarize
from batches.sweep.progress import timeout_words
from batches.verdict import jobs as verdict_jobs
from batches.verdict import ledger

log = logging.getLogger(__name__)
MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.ERROR, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.PAUSED, Status.COMPLETE, Status.ERROR, Status.CANCELLED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.RUNNING, Status.COMPLETE, Status.ERROR, Status.CANCELLED}),
    Status.COMPLETE: frozenset(),
    Status.ERROR: frozenset(),
    Status.CANCELLED: frozenset(),
}


def move(
    session_id: uuid.UUID, to: Status, now: datetime, *, only: dict[str, Any] | None = None, **changes: Any
) -> bool:
    """Move a batch to another state from any state that the table allows, and publish. Return False if none does.

    A terminal event skips one sequence number, for the `connected` event of late watchers.
    """
    sources = [status for status, targets in MOVES.items() if to in targets]
    has_verdict = False
    with transaction.atomic():
        changed = BatchSession.objects.filter(pk=session_id, status__in=sources, **(only or {})).update(
            status=to, sequence=F("sequence") + (2 if to.is_terminal else 1), published_at=now, **changes
        )
        if changed and to.is_terminal:
            ended = BatchSession.objects.get(pk=session_id)
            ledger.count(ended)
            has_verdict = verdict_jobs.create(ended, now)
    if changed:
        log.info("batch moved: %s", to, extra={"session": str(session_id)})
        publish(BatchSession.objects.get(pk=session_id))
        if has_verdict:
            wake_workers(1)
    return bool(changed)


def complete(session_id: uuid.UUID) -> bool:
    """Complete a batch if all its tests are finished. The summary, slow at a million rows, is made before the move."""
    session = BatchSession.objects.get(pk=session_id)
    if session.state.is_terminal or session.current < session.total:
        return False
    try:
        results = summarize(session)
    except (OperationalError, InterfaceError):  # the watchdog tries again
        raise
    except Exception as error:  # would fail in every attempt; the results are stored and can be read
        log.exception("summary failed: batch %s", session_id)
        return fail(session_id, timezone.now(), f"The summary failed. {error_text(error)}")
    now = timezone.now()  # the summary is part of the batch's duration
    return move(session_id, Status.COMPLETE, now, ended_at=now, results=results)


def set_complete(session: BatchSession, columns: ResultColumns) -> tuple[str, ...]:
    """Complete a locked batch, all of whose results are in memory. Return the columns that are left to save.

    Nothing changes if the summary fails: `complete` fails the batch later.
    """
    try:
        results = summarize(session, columns)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("summary failed: batch %s", session.id)
        return ()
    now = timezone.now()
    session.status, session.results, session.ended_at, session.published_at = Status.COMPLETE, results, now, now
    session.sequence += 2  # as `move` does
    return "status", "results", "ended_at"


def cancel(session_id: uuid.UUID, now: datetime) -> bool:
    """Cancel a batch. Finished tests are kept."""
    return _end(session_id, Status.CANCELLED, now, "The batch was cancelled.", "CANCELLED")


def expire(session: BatchSession, now: datetime) -> bool:
    """Fail a batch that passed its deadline. Finished tests are kept."""
    message = f"Operation timed out after {timeout_words(session.timeout_s)}."
    return _end(session.id, Status.ERROR, now, message, "TIMEOUT", only={"deadline_at__lte": now})


def fail(session_id: uuid.UUID, now: datetime, message: str) -> bool:
    return _end(session_id, Status.ERROR, now, message, "INTERNAL_ERROR")


def pause(session_id: uuid.UUID, now: datetime) -> bool:
    """Pause a batch: claimed chunks are finished, the deadline stands still."""
    return move(session_id, Status.PAUSED, now, paused_at=now, deadline_at=None)


def resume(session_id: uuid.UUID, now: datetime) -> bool:
    session = BatchSession.objects.get(pk=session_id)
    if session.paused_at is None:
        return False
    paused_s = session.paused_s + max(0.0, (now - session.paused_at).total_seconds())
    resumed = move(
        session_id,
        Status.RUNNING if session.started_at else Status.QUEUED,
        now,
        only={"status": Status.PAUSED, "paused_at": session.paused_at},
        paused_at=None,
        paused_s=paused_s,
        worker_seen_at=now,
        deadline_at=session.created_at + timedelta(seconds=session.timeout_s + paused_s),
    )
    if resumed:
        wake_workers()
    return resumed


def delete(session_id: uuid.UUID) -> bool:
    """Delete an ended batch with its results. Return False if it does not exist; raise Conflict if it is active."""
    if BatchSession.objects.filter(pk=session_id, status__in=ACTIVE).exists():
        raise Conflict("The batch is still active; cancel it first, then delete it.", code="STILL_ACTIVE")
    with transaction.atomic():
        for uncounted in BatchSession.objects.filter(pk=session_id, counted=False).exclude(status__in=ACTIVE):
            ledger.count(uncounted)  # of an older version
        deleted, _ = BatchSession.objects.filter(pk=session_id).exclude(status__in=ACTIVE).delete()
    return bool(deleted)


def _end(session_id: uuid.UUID, to: Status, now: datetime, message: str, code: str, **conditions: Any) -> bool:
    return move(session_id, to, now, ended_at=now, deadline_at=None, error=message, error_code=code, **conditions)
