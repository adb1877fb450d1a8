"""Record finished chunks: results and counters in one transaction. Recording a chunk twice changes nothing."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backtester.engine import SliceResult
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk
from batches.ops import counters
from batches.results.blocks import encode_block, store_rows
from batches.results.columns import ResultColumns, columns_in_memory
from batches.results.damage import checksum
from batches.results.failures import causes_of
from batches.running import lifecycle
from batches.running.events import publish
from batches.running.tallying import FinishedSlice, add_improvement, add_slices
from batches.sweep.plan import plan_of
from batches.sweep.progress import active_seconds, with_sample
from batches.verdict import jobs as verdict_jobs
from batches.verdict import ledger

TALLIED = (
    "successful", "failed", "work_done", "work_rate", "leaders", "failures", "last_test", "pace", "worker_seen_at",
    "sequence", "phase", "published_at", "sharpes", "luck",
)  # fmt: skip
Recording = tuple[ResultChunk, FinishedSlice]
log = logging.getLogger(__name__)
RATE_WEIGHT = 0.5  # of the newest claim in the rate of a batch


@dataclass(frozen=True)
class Recorded:
    """What a transaction recorded. tests, failed : newly counted; is_news : an event is due"""

    session: BatchSession
    tests: int
    failed: int
    is_news: bool

    def announce(self) -> None:
        """Publish, complete or abort the batch. Call after the commit."""
        session = self.session
        counters.FAILED.inc(self.failed)
        counters.SUCCESSFUL.inc(self.tests - self.failed)
        if self.is_news or session.state.is_terminal:
            publish(session)
        if session.state.is_terminal:
            log.info("batch moved: %s", session.status, extra={"session": str(session.id)})
        elif session.current >= session.total:
            lifecycle.complete(session.id)
        elif exceeds_failure_share(session):
            lifecycle.fail(session.id, timezone.now(), _abort_message(session))


def store_chunks(
    results: Sequence[tuple[ResultChunk, SliceResult]], now: datetime, seconds: float | None = None
) -> Recorded | None:
    """Store the results of chunks of one batch with its counters, inside the caller's transaction.

    Chunks that were recorded before are left out; if the batch has ended, all of them are. Return None if nothing is
    new. seconds : that one worker computed for, to measure its rate
    """
    recordings = [(chunk, _finished_slice(chunk, result)) for chunk, result in results]
    return _store_all(recordings, now, seconds)


def record_lost_chunk(chunk: ResultChunk, reason: str, now: datetime) -> bool:
    """Count the tests of a chunk as failed after its last attempt. The batch goes on."""
    lost = FinishedSlice(chunk.start, chunk.stop, None, [(reason, [[chunk.start, chunk.stop]])])
    with transaction.atomic():
        recorded = _store_all([(chunk, lost)], now, None)
    if recorded:
        recorded.announce()
    return recorded is not None


def _finished_slice(chunk: ResultChunk, result: SliceResult) -> FinishedSlice:
    return FinishedSlice(chunk.start, chunk.stop, result.metrics, causes_of(result.errors, chunk.start))


def _store_all(recordings: list[Recording], now: datetime, seconds: float | None) -> Recorded | None:
    # The session's row is locked first, so that two workers add to the counters one after the other.
    session = BatchSession.objects.select_for_update().filter(pk=recordings[0][0].session_id).first()
    if session is None or session.state.is_terminal:  # cancelled, perhaps deleted, since the claim
        return None
    slices = _store(recordings)
    if not slices:
        return None
    is_due, work_before = publishing_is_due(session, now), session.work_done
    is_finished = _tally(session, slices, now)
    if seconds:
        session.work_rate = _rate(session.work_rate, (session.work_done - work_before) / seconds)
    is_news = is_due and not is_finished  # the terminal event follows
    if is_news:
        session.published_at = now
    columns: Sequence[str] = TALLIED
    if add_improvement(session, now):
        columns = (*columns, "improvements")
    tests, failed = (sum(counts) for counts in zip(*((part.size, part.failed) for part in slices), strict=True))
    if is_finished and tests == session.total and all(part.metrics is not None for part in slices):
        whole = _in_memory(session, slices)
        ending = lifecycle.set_complete(session, whole)
        if ending:
            ledger.count(session, whole)
            verdict_jobs.create(session, now)
        columns = (*columns, *ending)
    session.save(update_fields=columns)
    return Recorded(session, tests, failed, is_news)


def _in_memory(session: BatchSession, slices: list[FinishedSlice]) -> ResultColumns:
    """Return the columns of a batch that is recorded at once."""
    metrics = [part.metrics for part in sorted(slices, key=lambda part: part.start) if part.metrics is not None]
    return columns_in_memory(plan_of(session), np.concatenate(metrics, axis=1))


def _rate(before: float | None, newest: float) -> float:
    return newest if before is None else before + RATE_WEIGHT * (newest - before)


def _store(recordings: list[Recording]) -> list[FinishedSlice]:
    """Fill the rows of the chunks that are not filled, in one statement. Return what was stored."""
    ids = [chunk.pk for chunk, _ in recordings]
    unfinished = ResultChunk.objects.filter(pk__in=ids, status__in=[ChunkStatus.WAITING, ChunkStatus.RUNNING])
    left = set(unfinished.values_list("pk", flat=True))
    new = [(chunk, finished) for chunk, finished in recordings if chunk.pk in left]
    store_rows((chunk.pk, _columns(finished)) for chunk, finished in new)
    return [finished for _, finished in new]


def _columns(finished: FinishedSlice) -> dict[str, Any]:
    if finished.metrics is None:
        return {"status": ChunkStatus.FAILED, "failures": finished.failures, "block": None, "crc32": None}
    block = encode_block(finished.metrics)
    return {"status": ChunkStatus.DONE, "failures": finished.failures, "block": block, "crc32": checksum(block)}


def _tally(session: BatchSession, slices: list[FinishedSlice], now: datetime) -> bool:
    """Add finished slices to the session (in memory). Return True if these are the last ones."""
    plan = plan_of(session)
    add_slices(session, plan, slices)
    session.pace = with_sample(session.pace, active_seconds(session, now), session.work_done)
    session.worker_seen_at = now
    session.sequence += 1
    is_finished = session.current >= session.total
    session.phase = Phase.WRITING if is_finished else Phase.TESTING
    return is_finished


def exceeds_failure_share(session: BatchSession) -> bool:
    """Return whether the batch's own rule says to stop. A share of 1 never does."""
    share, least = session.request["abortFailureShare"], session.request["abortMinimumTests"]
    return bool(session.current >= least and session.failed > share * session.current)


def _abort_message(session: BatchSession) -> str:
    cause = max(session.failures, key=lambda failure: int(failure["count"]))
    return (
        f"Stopped because {session.failed:,} of the first {session.current:,} tests failed, more than the share of"
        f" {session.request['abortFailureShare']:g} that abortFailureShare allows. Most frequent cause:"
        f" {cause['message']}"
    )


def publishing_is_due(session: BatchSession, now: datetime) -> bool:
    """Return whether EVENT_INTERVAL_S has passed since the last event. The row has its time, so all workers agree."""
    if session.published_at is None:
        return True
    waited = now - session.published_at
    return not timedelta() <= waited < timedelta(seconds=settings.EVENT_INTERVAL_S)
