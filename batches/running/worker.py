"""Claim chunks, compute them, hand them to recording. No transaction is open while the engine computes."""

import contextlib
import logging
import time
import uuid
from datetime import datetime, timedelta
from itertools import takewhile

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from backtester.engine import METRICS, EngineError, SliceResult, is_warm, run_slice
from batches.models import WIDE_COLUMNS, BatchSession, ChunkStatus, Phase, ResultChunk, Status
from batches.ops import counters
from batches.ops.heartbeats import process_name
from batches.running import lifecycle
from batches.running.events import publish
from batches.running.recording import record_chunks, record_lost_chunk
from batches.sweep.plan import plan_of

log = logging.getLogger(__name__)
TIME_SLICE_S = 0.25  # how long a message keeps a worker on one batch, before the next batch in the queue has its turn
MAX_CLAIM, CLAIM_TARGET_S = 16, 0.02  # small chunks share transactions, which cost as much as computing one
RECONNECT_WITHIN_S = 5.0  # a database that refuses within this time may have lost our connection only
DATABASE_ERRORS = (OperationalError, InterfaceError)  # locked, full, or gone


def work_on(session_id: uuid.UUID) -> bool:
    """Work on a batch for one time slice. Return True if there may be more to do."""
    until = time.monotonic() + TIME_SLICE_S
    try:
        while chunks := claim(session_id):
            run(chunks)
            if time.monotonic() >= until:
                return True
    except DATABASE_ERRORS as error:  # the watchdog queues the batch again after a pause
        connection.close()
        log.warning("batch paused: database unavailable: batch %s: %s", session_id, error)
    return False


def claim(session_id: uuid.UUID, *, limit: int = MAX_CLAIM) -> list[ResultChunk]:
    """Claim the next waiting chunks of an active batch, several small ones at a time; [] if there are none.

    Two workers may pick the same chunks: the conditional update gives each chunk to one of them, and a worker that got
    none looks again.
    """
    while True:
        now = timezone.now()
        with transaction.atomic():
            chunks = _fitting(_waiting_chunks(session_id, limit))
            if not chunks or (chunks[0].session.deadline_at and chunks[0].session.deadline_at <= now):
                return []
            claimed = _claim(chunks, now)
            started = bool(claimed) and _start(chunks[0].session, now)
        if started:
            _announce_start(chunks[0].session)
        if claimed:
            return claimed


def _waiting_chunks(session_id: uuid.UUID, limit: int) -> list[ResultChunk]:
    """Return the next chunks in the order of work, if the batch is active, without the columns that few need."""
    waiting = ResultChunk.objects.filter(
        session=session_id, status=ChunkStatus.WAITING, session__status__in=[Status.QUEUED, Status.RUNNING]
    )
    wide = ("block", *(f"session__{name}" for name in WIDE_COLUMNS))
    return list(waiting.select_related("session").defer(*wide)[:limit])


def _fitting(waiting: list[ResultChunk]) -> list[ResultChunk]:
    """Return the first chunks that compute for CLAIM_TARGET_S together, of a new batch one, so that it soon has news.

    A chunk that was tried before is claimed alone: if it kills its worker again, no other chunk is blamed for it.
    """
    if not waiting or waiting[0].session.status == Status.QUEUED or waiting[0].attempt:
        return waiting[:1]
    waiting = list(takewhile(lambda chunk: not chunk.attempt, waiting))
    plan = plan_of(waiting[0].session)
    cost_s = plan.grid.strategy.cost_ns / 1e9
    seconds = np.cumsum([(chunk.stop - chunk.start) * plan.bars[chunk.symbol_number] * cost_s for chunk in waiting])
    return waiting[: max(1, int(np.searchsorted(seconds, CLAIM_TARGET_S, side="right")))]


def _claim(chunks: list[ResultChunk], now: datetime) -> list[ResultChunk]:
    """Return the chunks that no other worker claimed first."""
    claim = {"claimed_by": process_name(), "lease_until": now + timedelta(seconds=settings.CHUNK_LEASE_S)}
    rows = ResultChunk.objects.filter(pk__in=[chunk.pk for chunk in chunks])
    count = rows.filter(status=ChunkStatus.WAITING).update(
        status=ChunkStatus.RUNNING, attempt=F("attempt") + 1, **claim
    )
    if count < len(chunks):
        ids = set(rows.filter(status=ChunkStatus.RUNNING, **claim).values_list("pk", flat=True))
        chunks = [chunk for chunk in chunks if chunk.pk in ids]
    for chunk in chunks:
        chunk.attempt += 1
    return chunks


def _start(session: BatchSession, now: datetime) -> bool:
    """Set the batch running in the first claim's own transaction. Return True if it was that claim.

    Later only a recorded chunk says that a worker is alive: claims alone bring a batch no further.
    """
    if session.status != Status.QUEUED:
        return False
    changed = BatchSession.objects.filter(pk=session.pk, status=Status.QUEUED).update(
        status=Status.RUNNING, started_at=session.started_at or now, worker_seen_at=now, sequence=F("sequence") + 1
    )
    return bool(changed)


def _announce_start(session: BatchSession) -> None:
    """Announce the compilation that delays the first result. With compiled kernels the first result comes at once."""
    if is_warm(session.strategy):
        return
    # Only while it runs: a batch that ended meanwhile has published its last event.
    changed = BatchSession.objects.filter(pk=session.pk, status=Status.RUNNING).update(
        phase=Phase.COMPILING, sequence=F("sequence") + 1, published_at=timezone.now()
    )
    if changed:
        publish(BatchSession.objects.get(pk=session.pk))


def run(chunks: list[ResultChunk]) -> None:
    """Compute and record claimed chunks, or give them back."""
    try:
        computed = [(chunk, result) for chunk in chunks if (result := attempt(chunk)) is not None]
        if computed:
            _record(computed)
    except BaseException:  # the database, or a shutdown: the chunks are not to blame
        for chunk in chunks:
            _release_if_possible(chunk)
        raise


def attempt(chunk: ResultChunk) -> SliceResult | None:
    """Return a chunk's result, or None if this attempt failed. After the last attempt its tests count as failed."""
    try:
        with bound_contextvars(chunk=chunk.pk), counters.CHUNK_SECONDS.time():
            return compute(chunk)
    except DATABASE_ERRORS:
        raise
    except EngineError as error:  # as when an upgrade removed the strategy: no chunk can ever be computed
        lifecycle.fail(chunk.session_id, timezone.now(), f"The batch cannot be computed any more. {error.message}")
    except Exception as error:  # also a soft time limit
        log.exception(
            "chunk failed: batch %s, chunk %s, attempt %d",
            chunk.session_id,
            chunk.pk,
            chunk.attempt,
            extra={"chunk": chunk.pk},
        )
        if chunk.attempt < settings.CHUNK_MAX_ATTEMPTS:
            release(chunk)
        else:
            reason = f"{type(error).__name__}: {error} ({chunk.attempt} attempts)"[:500]
            record_lost_chunk(chunk, reason, timezone.now())
    return None


def compute(chunk: ResultChunk) -> SliceResult:
    """Return the chunk's metrics, a pure function of the plan: every worker gets the same bits."""
    plan = plan_of(chunk.session)
    number = chunk.symbol_number
    try:
        return run_slice(plan.grid, plan.prices(number), chunk.start, chunk.stop, plan.rules, beta=plan.betas[number])
    except EngineError as error:  # a fact about these tests, not a fault of the machine: it would come again
        return all_failed(chunk, error.message)


def _record(computed: list[tuple[ResultChunk, SliceResult]]) -> None:
    """Record, again on a new connection if the database refuses at once: computing again would cost more."""
    began = time.monotonic()
    try:
        record_chunks(computed, timezone.now())
    except DATABASE_ERRORS:
        if time.monotonic() - began > RECONNECT_WITHIN_S:
            raise
        connection.close()
        record_chunks(computed, timezone.now())


def all_failed(chunk: ResultChunk, message: str) -> SliceResult:
    """Return a result in which every test failed for the same reason."""
    size = chunk.stop - chunk.start
    return SliceResult(metrics=np.full((len(METRICS), size), np.nan), errors={message: np.arange(size)})


def release(chunk: ResultChunk, *, counts: bool = True) -> None:
    """Give a claimed chunk back, unless another worker has claimed it since.

    counts : whether the attempt counts; not if the chunk is not to blame, as on a full disk
    """
    claimed = ResultChunk.objects.filter(
        pk=chunk.pk, status=ChunkStatus.RUNNING, claimed_by=process_name(), attempt=chunk.attempt
    )
    claimed.update(status=ChunkStatus.WAITING, lease_until=None, attempt=F("attempt") - (0 if counts else 1))


def _release_if_possible(chunk: ResultChunk) -> None:
    """Release the chunk; if the database refuses, the end of the lease does."""
    with contextlib.suppress(*DATABASE_ERRORS):
        release(chunk, counts=False)
