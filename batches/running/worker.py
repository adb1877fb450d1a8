"""Claim chunks of the batches whose turn it is, and work on them for one time slice."""

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from backtester.engine import is_warm
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk, Status
from batches.ops.heartbeats import process_name
from batches.running import turns
from batches.running.attempts import DATABASE_ERRORS, run
from batches.running.events import publish
from batches.sweep.chunking import least_tests
from batches.sweep.plan import plan_of
from batches.sweep.rates import declared_rate
from batches.verdict import jobs as verdict_jobs
from batches.verdict import turns as verdict_turns

log = logging.getLogger(__name__)
TIME_SLICE_S = 0.5  # how long a message keeps a worker, so that a worker that has to stop soon may
MAX_CLAIM = 64  # chunks of one claim
VERDICT_WAITS = timedelta(seconds=2)  # between two turns while a batch is computed: a client waits for the batch


@dataclass(frozen=True)
class Claim:
    """Chunks of one batch that this process computes. is_first : the batch began with them"""

    session: BatchSession
    chunks: list[ResultChunk]
    is_first: bool


def take_turns(only: uuid.UUID | None = None) -> bool:
    """Work for one time slice, on one batch or on those whose turn it is. Return True if there may be more to do."""
    until = time.monotonic() + TIME_SLICE_S

    def next_claim() -> Claim | None:
        return None if time.monotonic() >= until else claim_next(timezone.now(), only=only)

    try:
        judged = only is None and verdict_is_next(timezone.now()) and verdict_turns.take_turn()
        current = claim(only)
        if current is None and only is None and not judged:  # what waits may have to leave this worker free
            judged = verdict_turns.take_turn()
        while current:
            current = run(current.chunks, next_claim)
            if current:
                _announce_start(current)
            elif time.monotonic() < until:  # what other transactions had locked may be free now
                current = claim(only)
    except DATABASE_ERRORS as error:  # the watchdog wakes the workers after a pause
        connection.close()
        log.warning("work paused: database unavailable: %s", error)
        return False
    return (
        judged or time.monotonic() >= until or (only is None and verdict_jobs.waiting_since(timezone.now()) is not None)
    )


def verdict_is_next(now: datetime) -> bool:
    """Return whether a verdict goes before the batches: it has waited for some time, and as long as each of them."""
    since = verdict_jobs.waiting_since(now)
    if since is None:
        return False
    last = verdict_jobs.last_turn() or since  # of any: many verdicts have no more turns than one
    if now - max(since, last) < VERDICT_WAITS:
        return False
    return all(since <= turns.unserved_since(batch) for batch in turns.candidates(now) if batch.is_waiting)


def claim(only: uuid.UUID | None = None, *, limit: int | None = None) -> Claim | None:
    """Claim chunks of the batch whose turn it is, or of one batch; None if there is nothing to do."""
    with transaction.atomic():
        claimed = claim_next(timezone.now(), only=only, wait=True, limit=limit)
    if claimed:
        _announce_start(claimed)
    return claimed


def claim_next(
    now: datetime, *, only: uuid.UUID | None = None, wait: bool = False, limit: int | None = None
) -> Claim | None:
    """Claim chunks of the batch whose turn it is, inside the caller's transaction.

    wait : whether to wait for a batch that another transaction has locked, or to take the next batch. A transaction
        that has locked a batch itself must not wait for another one: two workers could wait for each other.
    """
    batches = [batch for batch in turns.candidates(now) if only in (None, batch.pk)]
    waiting = turns.in_order(batches, now)
    turn = turns.turn_of(len(waiting))
    for batch in waiting:
        session = _locked(batch.pk, wait=wait)
        if session is None:
            continue
        if not turns.must_leave_one(session, now) and (claim := _claim(session, turn, now, limit)):
            return claim
        wait = False
    return None


def _locked(session_id: uuid.UUID, *, wait: bool) -> BatchSession | None:
    """Return an active batch, locked; None if it has ended, or another transaction holds it. SQLite locks all."""
    rows = BatchSession.objects.narrow().filter(pk=session_id, status__in=[Status.QUEUED, Status.RUNNING])
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=not wait)
    return rows.first()


def _claim(session: BatchSession, turn: turns.Turn, now: datetime, limit: int | None) -> Claim | None:
    """Claim what one worker computes in a turn, or None if nothing waits."""
    waiting = list(session.chunks.filter(status=ChunkStatus.WAITING).defer("block")[: limit or MAX_CLAIM])
    for chunk in waiting:
        chunk.session = session
    chunks = _fitting(waiting, turn)
    if not chunks or not _set_claimed(chunks, now):
        return None
    is_first = session.status == Status.QUEUED
    changes: dict[str, Any] = {"turn_at": now}
    if is_first:
        # Later only a recorded chunk says that a worker is alive: claims alone are no progress.
        changes |= {"status": Status.RUNNING, "started_at": session.started_at or now, "worker_seen_at": now}
        changes["sequence"] = F("sequence") + 1
    BatchSession.objects.filter(pk=session.pk).update(**changes)
    return Claim(session, chunks, is_first)


def _set_claimed(chunks: list[ResultChunk], now: datetime) -> bool:
    """Update the rows of the chunks, of which the last may be cut. Return False if another worker was first."""
    claim = {"claimed_by": process_name(), "lease_until": now + timedelta(seconds=settings.CHUNK_LEASE_S)}
    *whole, last = chunks
    for part, changes in ((whole, claim), ([last], claim | {"stop": last.stop})):
        ids = [chunk.pk for chunk in part]
        rows = ResultChunk.objects.filter(pk__in=ids, status=ChunkStatus.WAITING)
        if ids and not rows.update(status=ChunkStatus.RUNNING, attempt=F("attempt") + 1, **changes):
            return False
    for chunk in chunks:
        chunk.attempt += 1
    return True


def _fitting(waiting: list[ResultChunk], turn: turns.Turn) -> list[ResultChunk]:
    """Return the first chunks that fit a turn together; the last of them is cut to fit, if both parts are worth it.

    A new batch gets less, so that it soon has news, and a batch with little left all of it. A chunk that was tried
    before is claimed alone: if it kills its worker again, no other chunk is blamed for it.
    """
    if not waiting or waiting[0].attempt:
        return waiting[:1]
    session = waiting[0].session
    if session.status == Status.QUEUED and session.request["abortFailureShare"] < 1:
        waiting = waiting[:1]  # a batch that may be aborted has to be checked before its end
    waiting = list(takewhile(lambda chunk: not chunk.attempt, waiting))
    plan = plan_of(session)
    rate = session.work_rate or declared_rate(session.strategy)
    work = np.cumsum([(chunk.stop - chunk.start) * plan.bars[plan.grid.series_of(chunk.start)] for chunk in waiting])
    if len(waiting) < MAX_CLAIM and work[-1] <= rate * turn.small_s:
        return waiting
    limit = rate * (turns.FIRST_TURN_S if session.status == Status.QUEUED else turn.seconds)
    whole = int(np.searchsorted(work, limit, side="right"))
    left = limit - (work[whole - 1] if whole else 0.0)
    if whole == len(waiting) or (whole and left < limit / 2):  # too little to be worth a chunk
        return waiting[:whole]
    cut = waiting[whole]
    n_bars = plan.bars[plan.grid.series_of(cut.start)]
    least = least_tests(plan.grid.strategy, n_bars)
    size = max(least, int(left / n_bars))
    if cut.stop - cut.start < size + least:
        return waiting[: whole + 1]
    return [*waiting[:whole], _cut(cut, size, behind=waiting[-1])]


def _cut(chunk: ResultChunk, size: int, *, behind: ResultChunk) -> ResultChunk:
    """Return the chunk with its first tests only. The others become a chunk behind one that waits."""
    middle = chunk.start + size
    ResultChunk.objects.create(
        session=chunk.session,
        position=behind.position + 1,
        symbol_number=chunk.symbol_number,
        start=middle,
        stop=chunk.stop,
    )
    chunk.stop = middle
    return chunk


def _announce_start(claim: Claim) -> None:
    """Announce the compilation that delays the first result. With compiled kernels the first result comes at once."""
    if not claim.is_first or is_warm(claim.session.strategy):
        return
    # Only while it runs: a batch that ended meanwhile has published its last event.
    changed = BatchSession.objects.filter(pk=claim.session.pk, status=Status.RUNNING).update(
        phase=Phase.COMPILING, sequence=F("sequence") + 1, published_at=timezone.now()
    )
    if changed:
        publish(BatchSession.objects.get(pk=claim.session.pk))
