"""Claim a chunk, run its slice of the grid, hand it to recording. No transaction is open while the engine computes."""

import logging
import os
import socket
import time
import uuid
from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from prometheus_client import Histogram

from backtester.engine import METRICS, EngineError, SliceResult, is_warm, run_slice
from batches.events import publish
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk, Status
from batches.plan import plan_of
from batches.recording import record_chunk

log = logging.getLogger(__name__)
CHUNK_SECONDS = Histogram("chunk_seconds", "Computing one chunk.")
TIME_SLICE_S = 0.25  # how long a message keeps a worker on one batch, before the next batch in the queue has its turn
SEEN_EVERY = timedelta(seconds=1)
LARGE_COLUMNS = ("request", "instruments", "results", "leaders", "failures", "pace", "last_test")
WORKER_HOST = socket.gethostname()[:60]


def worker_name() -> str:
    """This process, as it signs its claims; the watchdog of the same host sees when it is gone."""
    return f"{WORKER_HOST}:{os.getpid()}"


def work_on(session_id: uuid.UUID) -> bool:
    """Work on a batch for one time slice. True when there may be more to do."""
    until = time.monotonic() + TIME_SLICE_S
    while chunk := claim(session_id):
        run(chunk)
        if time.monotonic() >= until:
            return True
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
    """Note in the claim's own transaction that somebody works; True for the first claim of the batch."""
    if session.status != Status.QUEUED:
        if session.worker_seen_at is None or now - session.worker_seen_at > SEEN_EVERY:
            BatchSession.objects.filter(pk=session.pk).update(worker_seen_at=now)
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
    """Compute and record a claimed chunk. What goes wrong outside the tests gives the chunk back."""
    try:
        with CHUNK_SECONDS.time():
            result = compute(chunk)
        record_chunk(chunk, result, timezone.now())
    except BaseException:  # also a soft time limit or a shutdown: whoever claims next starts afresh
        release(chunk)
        raise


def compute(chunk: ResultChunk) -> SliceResult:
    """The chunk's metrics. A pure function of the plan: whoever computes it gets the same bits."""
    plan = plan_of(chunk.session)
    number = chunk.symbol_number
    try:
        return run_slice(plan.grid, plan.prices(number), chunk.start, chunk.stop, plan.rules, beta=plan.betas[number])
    except EngineError as error:  # a fact about these tests, not a fault of the machine: it would come again
        return all_failed(chunk, error.message)
    except Exception as error:
        if chunk.attempt < settings.CHUNK_MAX_ATTEMPTS:
            raise
        log.exception("chunk %s of batch %s failed in every attempt", chunk.pk, chunk.session_id)
        return all_failed(chunk, f"{type(error).__name__}: {error} ({chunk.attempt} attempts)"[:500])


def all_failed(chunk: ResultChunk, message: str) -> SliceResult:
    """A result in which every test failed for the same reason."""
    size = chunk.stop - chunk.start
    return SliceResult(metrics=np.full((len(METRICS), size), np.nan), errors={message: np.arange(size)})


def release(chunk: ResultChunk) -> None:
    """Give a claimed chunk back, unless somebody else has it by now."""
    ResultChunk.objects.filter(pk=chunk.pk, status=ChunkStatus.RUNNING, claimed_by=worker_name()).update(
        status=ChunkStatus.WAITING, lease_until=None
    )
