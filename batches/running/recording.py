"""Record finished chunks: results and counters in one transaction. Recording a chunk twice changes nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backtester.engine import SliceResult
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk
from batches.ops import counters
from batches.results.blocks import encode_block
from batches.results.failures import failure_ranges
from batches.running import lifecycle
from batches.running.events import publish
from batches.running.tallying import FinishedSlice, add_improvement, add_slice
from batches.sweep.plan import plan_of
from batches.sweep.progress import active_seconds, with_sample

TALLIED = (
    "successful", "failed", "work_done", "leaders", "failures", "last_test", "pace", "worker_seen_at", "sequence",
    "phase", "published_at",
)  # fmt: skip
Recording = tuple[ResultChunk, FinishedSlice]


def record_chunks(results: Sequence[tuple[ResultChunk, SliceResult]], now: datetime) -> int:
    """Commit the results of chunks of one batch with its counters, then publish. Return how many were recorded.

    Chunks that were recorded before are left out; if the batch has ended, all of them are.
    """
    return _record([(chunk, _finished_slice(chunk, result)) for chunk, result in results], now)


def record_lost_chunk(chunk: ResultChunk, reason: str, now: datetime) -> bool:
    """Count the tests of a chunk as failed after its last attempt. The batch goes on."""
    lost = FinishedSlice(chunk.start, chunk.stop, None, [(reason, [[chunk.start, chunk.stop]])])
    return bool(_record([(chunk, lost)], now))


def _finished_slice(chunk: ResultChunk, result: SliceResult) -> FinishedSlice:
    failures = [(message, failure_ranges(offsets, chunk.start)) for message, offsets in result.errors.items()]
    return FinishedSlice(chunk.start, chunk.stop, result.metrics, failures)


def _record(recordings: list[Recording], now: datetime) -> int:
    with transaction.atomic():
        # The session's row is locked first, so that two workers add to the counters one after the other.
        session = BatchSession.objects.select_for_update().filter(pk=recordings[0][0].session_id).first()
        if session is None or session.state.is_terminal:  # cancelled, perhaps deleted, since the claim
            return 0
        slices = [finished for chunk, finished in recordings if _store(chunk, finished)]
        if not slices:
            return 0
        is_due = publishing_is_due(session, now)
        is_finished = _tally(session, slices, now)
        if is_due and not is_finished:  # the terminal event follows
            session.published_at = now
        is_improved = add_improvement(session, now)
        session.save(update_fields=(*TALLIED, "improvements") if is_improved else TALLIED)
    if is_due and not is_finished:
        publish(session)
    failed = sum(finished.failed for finished in slices)
    counters.FAILED.inc(failed)
    counters.SUCCESSFUL.inc(sum(finished.stop - finished.start for finished in slices) - failed)
    if is_finished:
        lifecycle.complete(session.id)
    elif exceeds_failure_share(session):
        lifecycle.fail(session.id, now, _abort_message(session))
    return len(slices)


def _store(chunk: ResultChunk, finished: FinishedSlice) -> bool:
    """Fill the chunk's row, unless it is filled."""
    is_lost = finished.metrics is None
    unfinished = ResultChunk.objects.filter(pk=chunk.pk, status__in=[ChunkStatus.WAITING, ChunkStatus.RUNNING])
    return bool(
        unfinished.update(
            status=ChunkStatus.FAILED if is_lost else ChunkStatus.DONE,
            block=None if finished.metrics is None else encode_block(finished.metrics),
            failures=finished.failures,
            lease_until=None,
        )
    )


def _tally(session: BatchSession, slices: list[FinishedSlice], now: datetime) -> bool:
    """Add finished slices to the session (in memory). Return True if these are the last ones."""
    plan = plan_of(session)
    for finished in slices:
        add_slice(session, plan, finished)
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
