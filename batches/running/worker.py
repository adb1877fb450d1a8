"""Claim a chunk, run its slice of the grid, hand it to recording. No transaction is open while the engine computes."""

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
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk, Status
from batches.ops import counters
from batches.ops.heartbeats import process_name
from batches.running import lifecycle
from batches.running.events import publish
from batches.running.recording import record_chunks, record_poison
from batches.sweep.plan import plan_of

log = logging.getLogger(__name__)
TIME_SLICE_S = 0.25  # how long a message keeps a worker on one batch, before the next batch in the queue has its turn
HANDFUL, HANDFUL_S = 16, 0.02  # small chunks share transactions, which cost as much as computing one
AT_ONCE_S = 5.0  # a database that refuses within this time may have lost our connection only
LARGE_COLUMNS = ("request", "instruments", "results", "leaders", "failures", "pace", "last_test")
DATABASE_TROUBLE = (OperationalError, InterfaceError)  # locked, full, or gone


def work_on(session_id: uuid.UUID) -> bool:
    """Work on a batch for one time slice. True when there may be more to do."""
    until = time.monotonic() + TIME_SLICE_S
    try:
        while chunks := claim(session_id):
            run(chunks)
            if time.monotonic() >= until:
                return True
    except DATABASE_TROUBLE as error:  # locked, full or away; the watchdog queues the batch again, after a pause
        connection.close()
        log.warning("the work on batch %s rests, the database does not take it: %s", session_id, error)
    return False


def claim(session_id: uuid.UUID, *, most: int = HANDFUL) -> list[ResultChunk]:
    """Take the next waiting chunks of an active batch, a handful of small ones at a time; [] when there are none.

    Two workers may pick the same chunks: the conditional update gives each of them to one, and whoever got none looks
    again.
    """
    while True:
        now = timezone.now()
        with transaction.atomic():
            chunks = _handful(_waiting_chunks(session_id, most))
            if not chunks or (chunks[0].session.deadline_at and chunks[0].session.deadline_at <= now):
                return []
            taken = _take(chunks, now)
            started = bool(taken) and _start(chunks[0].session, now)
        if started:
            _announce_start(chunks[0].session)
        if taken:
            return taken


def _waiting_chunks(session_id: uuid.UUID, most: int) -> list[ResultChunk]:
    """The next in the order of work, if the batch is active. The large columns stay where they are: few need them."""
    waiting = ResultChunk.objects.filter(
        session=session_id, status=ChunkStatus.WAITING, session__status__in=[Status.QUEUED, Status.RUNNING]
    )
    large = ("block", *(f"session__{name}" for name in LARGE_COLUMNS))
    return list(waiting.select_related("session").defer(*large)[:most])


def _handful(waiting: list[ResultChunk]) -> list[ResultChunk]:
    """Chunks that compute for HANDFUL_S together. Of a batch that just begins only one, so that it soon has news.

    A chunk that was tried before is taken alone: should it kill its worker again, no other chunk is blamed for it.
    """
    if not waiting or waiting[0].session.status == Status.QUEUED or waiting[0].attempt:
        return waiting[:1]
    waiting = list(takewhile(lambda chunk: not chunk.attempt, waiting))
    plan = plan_of(waiting[0].session)
    cost_s = plan.grid.strategy.cost_ns / 1e9
    seconds = np.cumsum([(chunk.stop - chunk.start) * plan.bars[chunk.symbol_number] * cost_s for chunk in waiting])
    return waiting[: max(1, int(np.searchsorted(seconds, HANDFUL_S, side="right")))]


def _take(chunks: list[ResultChunk], now: datetime) -> list[ResultChunk]:
    """Those of the chunks that are ours now."""
    mine = {"claimed_by": process_name(), "lease_until": now + timedelta(seconds=settings.CHUNK_LEASE_S)}
    wanted = ResultChunk.objects.filter(pk__in=[chunk.pk for chunk in chunks])
    count = wanted.filter(status=ChunkStatus.WAITING).update(
        status=ChunkStatus.RUNNING, attempt=F("attempt") + 1, **mine
    )
    if count < len(chunks):  # another worker was first at some of them
        ours = set(wanted.filter(status=ChunkStatus.RUNNING, **mine).values_list("pk", flat=True))
        chunks = [chunk for chunk in chunks if chunk.pk in ours]
    for chunk in chunks:
        chunk.attempt += 1
    return chunks


def _start(session: BatchSession, now: datetime) -> bool:
    """Note in the first claim's own transaction that the batch runs; True when it was that claim.

    Later on only a recorded chunk says that somebody works: claims alone bring a batch no further.
    """
    if session.status != Status.QUEUED:
        return False
    changed = BatchSession.objects.filter(pk=session.pk, status=Status.QUEUED).update(
        status=Status.RUNNING, started_at=session.started_at or now, worker_seen_at=now, sequence=F("sequence") + 1
    )
    return bool(changed)


def _announce_start(session: BatchSession) -> None:
    """Say at once what takes long before the first result. When all is warm the first result says it better."""
    if is_warm(session.strategy):
        return
    # Only while it runs: a batch that was ended in between has said its last word.
    said = BatchSession.objects.filter(pk=session.pk, status=Status.RUNNING).update(
        phase=Phase.COMPILING, sequence=F("sequence") + 1, published_at=timezone.now()
    )
    if said:
        publish(BatchSession.objects.get(pk=session.pk))


def run(chunks: list[ResultChunk]) -> None:
    """Compute and record claimed chunks, or give them back."""
    try:
        done = [(chunk, result) for chunk in chunks if (result := attempt(chunk)) is not None]
        if done:
            _record(done)
    except BaseException:  # the database, or a shutdown: the chunks are not to blame
        for chunk in chunks:
            _release_if_possible(chunk)
        raise


def attempt(chunk: ResultChunk) -> SliceResult | None:
    """A chunk's result; None when it has none this time. After too many attempts its tests count as failed."""
    try:
        with bound_contextvars(chunk=chunk.pk), counters.CHUNK_SECONDS.time():
            return compute(chunk)
    except DATABASE_TROUBLE:
        raise
    except EngineError as error:  # as when an upgrade took the strategy away: no chunk can ever be computed
        lifecycle.fail(chunk.session_id, timezone.now(), f"The batch cannot be computed any more. {error.message}")
    except Exception as error:  # also a soft time limit: whoever claims the chunk next starts afresh
        words, about = "attempt %d at chunk %s of batch %s failed", {"chunk": chunk.pk}
        log.exception(words, chunk.attempt, chunk.pk, chunk.session_id, extra=about)
        if chunk.attempt < settings.CHUNK_MAX_ATTEMPTS:
            release(chunk)
        else:
            reason = f"{type(error).__name__}: {error} ({chunk.attempt} attempts)"[:500]
            record_poison(chunk, reason, timezone.now())
    return None


def compute(chunk: ResultChunk) -> SliceResult:
    """The chunk's metrics. A pure function of the plan: whoever computes it gets the same bits."""
    plan = plan_of(chunk.session)
    number = chunk.symbol_number
    try:
        return run_slice(plan.grid, plan.prices(number), chunk.start, chunk.stop, plan.rules, beta=plan.betas[number])
    except EngineError as error:  # a fact about these tests, not a fault of the machine: it would come again
        return all_failed(chunk, error.message)


def _record(done: list[tuple[ResultChunk, SliceResult]]) -> None:
    """Once more on a new connection when the database refuses at once: computing all over would cost more."""
    began = time.monotonic()
    try:
        record_chunks(done, timezone.now())
    except DATABASE_TROUBLE:
        if time.monotonic() - began > AT_ONCE_S:
            raise
        connection.close()
        record_chunks(done, timezone.now())


def all_failed(chunk: ResultChunk, message: str) -> SliceResult:
    """A result in which every test failed for the same reason."""
    size = chunk.stop - chunk.start
    return SliceResult(metrics=np.full((len(METRICS), size), np.nan), errors={message: np.arange(size)})


def release(chunk: ResultChunk, *, counts: bool = True) -> None:
    """Give a claimed chunk back, unless somebody else has it by now.

    counts : whether the attempt does; it does not when the chunk is not to blame, as on a full disk
    """
    mine = ResultChunk.objects.filter(
        pk=chunk.pk, status=ChunkStatus.RUNNING, claimed_by=process_name(), attempt=chunk.attempt
    )
    mine.update(status=ChunkStatus.WAITING, lease_until=None, attempt=F("attempt") - (0 if counts else 1))


def _release_if_possible(chunk: ResultChunk) -> None:
    """If not, the end of the lease gives it back."""
    with contextlib.suppress(*DATABASE_TROUBLE):
        release(chunk, counts=False)
