"""Claim a chunk, run its slice of the grid, hand it to recording. No transaction is open while the engine computes."""

import contextlib
import logging
import os
import socket
import time
import uuid
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Histogram

from backtester.engine import METRICS, EngineError, SliceResult, is_warm, run_slice
from batches import lifecycle
from batches.events import publish
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk, Status
from batches.plan import plan_of
from batches.recording import record_chunk, record_poison

log = logging.getLogger(__name__)
CHUNK_SECONDS = Histogram("chunk_seconds", "Computing one chunk.")
TIME_SLICE_S = 0.25  # how long a message keeps a worker on one batch, before the next batch in the queue has its turn
AT_ONCE_S = 5.0  # a database that refuses within this time may have lost our connection only
LARGE_COLUMNS = ("request", "instruments", "results", "leaders", "failures", "pace", "last_test")
DATABASE_TROUBLE = (OperationalError, InterfaceError)  # locked, full, or gone
WORKER_HOST = socket.gethostname()[:60]


def worker_name() -> str:
    """This process, as it signs its claims; the watchdog of the same host sees when it is gone."""
    return f"{WORKER_HOST}:{os.getpid()}"


def work_on(session_id: uuid.UUID) -> bool:
    """Work on a batch for one time slice. True when there may be more to do."""
    until = time.monotonic() + TIME_SLICE_S
    try:
        while chunk := claim(session_id):
            run(chunk)
            if time.monotonic() >= until:
                return True
    except DATABASE_TROUBLE as error:  # locked, full or away; the watchdog queues the batch again, after a pause
        connection.close()
        log.warning("the work on batch %s rests, the database does not take it: %s", session_id, error)
    return False


def claim(session_id: uuid.UUID) -> ResultChunk | None:
    """Take the next waiting chunk of an active batch; None when there is none.

    Two workers may pick the same chunk: the conditional update lets one of them have it, the other looks again.
    """
    while True:
        now = timezone.now()
        with transaction.atomic():
            chunk = _waiting_chunk(session_id)
            if chunk is None or (chunk.session.deadline_at and chunk.session.deadline_at <= now):
                return None
            taken = ResultChunk.objects.filter(pk=chunk.pk, status=ChunkStatus.WAITING).update(
                status=ChunkStatus.RUNNING,
                attempt=F("attempt") + 1,
                claimed_by=worker_name(),
                lease_until=now + timedelta(seconds=settings.CHUNK_LEASE_S),
            )
            started = bool(taken) and _start(chunk.session, now)
        if started:
            _announce_start(chunk.session)
        if taken:
            chunk.attempt += 1
            return chunk


def _waiting_chunk(session_id: uuid.UUID) -> ResultChunk | None:
    """The next in the order of work, if the batch is active. The large columns stay where they are: few need them."""
    waiting = ResultChunk.objects.filter(
        session=session_id, status=ChunkStatus.WAITING, session__status__in=[Status.QUEUED, Status.RUNNING]
    )
    return waiting.select_related("session").defer("block", *(f"session__{name}" for name in LARGE_COLUMNS)).first()


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


def run(chunk: ResultChunk) -> None:
    """Compute and record a claimed chunk, or give it back; after too many attempts its tests count as failed."""
    try:
        with CHUNK_SECONDS.time():
            result = compute(chunk)
        _record(chunk, result)
    except DATABASE_TROUBLE:  # the chunk is not to blame
        _release_if_possible(chunk)
        raise
    except EngineError as error:  # as when an upgrade took the strategy away: no chunk can ever be computed
        lifecycle.fail(chunk.session_id, timezone.now(), f"The batch cannot be computed any more. {error.message}")
    except Exception as error:  # also a soft time limit: whoever claims the chunk next starts afresh
        log.exception("attempt %d at chunk %s of batch %s failed", chunk.attempt, chunk.pk, chunk.session_id)
        if chunk.attempt < settings.CHUNK_MAX_ATTEMPTS:
            release(chunk)
        else:
            reason = f"{type(error).__name__}: {error} ({chunk.attempt} attempts)"[:500]
            record_poison(chunk, reason, timezone.now())
    except BaseException:  # a shutdown
        _release_if_possible(chunk)
        raise


def compute(chunk: ResultChunk) -> SliceResult:
    """The chunk's metrics. A pure function of the plan: whoever computes it gets the same bits."""
    plan = plan_of(chunk.session)
    number = chunk.symbol_number
    try:
        return run_slice(plan.grid, plan.prices(number), chunk.start, chunk.stop, plan.rules, beta=plan.betas[number])
    except EngineError as error:  # a fact about these tests, not a fault of the machine: it would come again
        return all_failed(chunk, error.message)


def _record(chunk: ResultChunk, result: SliceResult) -> None:
    """Once more on a new connection when the database refuses at once: computing all over would cost more."""
    began = time.monotonic()
    try:
        record_chunk(chunk, result, timezone.now())
    except DATABASE_TROUBLE:
        if time.monotonic() - began > AT_ONCE_S:
            raise
        connection.close()
        record_chunk(chunk, result, timezone.now())


def all_failed(chunk: ResultChunk, message: str) -> SliceResult:
    """A result in which every test failed for the same reason."""
    size = chunk.stop - chunk.start
    return SliceResult(metrics=np.full((len(METRICS), size), np.nan), errors={message: np.arange(size)})


def release(chunk: ResultChunk, *, counts: bool = True) -> None:
    """Give a claimed chunk back, unless somebody else has it by now.

    counts : whether the attempt does; it does not when the chunk is not to blame, as on a full disk
    """
    mine = ResultChunk.objects.filter(
        pk=chunk.pk, status=ChunkStatus.RUNNING, claimed_by=worker_name(), attempt=chunk.attempt
    )
    mine.update(status=ChunkStatus.WAITING, lease_until=None, attempt=F("attempt") - (0 if counts else 1))


def _release_if_possible(chunk: ResultChunk) -> None:
    """If not, the end of the lease gives it back."""
    with contextlib.suppress(*DATABASE_TROUBLE):
        release(chunk, counts=False)
