"""Retry an ended batch: a new session takes over its finished tests and runs those that failed or are missing."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from backtester.engine import get_strategy
from batches import quotas
from batches.errors import Conflict
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.naming import store_tags
from batches.ops import storage
from batches.prices.series import require_series
from batches.results.blocks import decode_block, encode_block, result_bytes
from batches.results.damage import checksum, damaged_chunks, is_intact
from batches.running.queue import wake_workers
from batches.running.submission import set_tried
from batches.running.tallying import FinishedSlice, add_improvement, add_slices
from batches.search import remember
from batches.sweep.plan import plan_of
from batches.verdict import holdouts

COPIED = (
    "request", "title", "strategy", "sort_by", "instruments", "tested_until", "holdout", "total", "work_total",
    "work_rate", "timeout_s",
)  # fmt: skip
MAX_PIECES = 64  # of an old chunk; one with more scattered failures is run again as a whole


def retry(ended: BatchSession, *, now: datetime, owner: User | None = None) -> BatchSession:
    """Start a batch of what failed or is missing. Raise Conflict if the batch is active or nothing is left to run.

    Raise PricesGone if prices were deleted, also those of finished tests: the results compare with buy and hold.

    owner : of the new batch
    """
    if not ended.state.is_terminal:
        raise Conflict("The batch is still active; retry it after it has ended.", code="STILL_ACTIVE")
    if ended.successful == ended.total and not damaged_chunks(ended):
        raise Conflict("Every test of the batch succeeded; there is nothing to retry.", code="NOTHING_TO_RETRY")
    require_series(fact["seriesId"] for fact in ended.instruments)
    holdouts.require_unlocked(ended, owner)
    quotas.require_batch_slot()
    storage.require_space(result_bytes(ended.total))
    session = BatchSession(
        **{name: getattr(ended, name) for name in COPIED},
        engine_version=get_strategy(ended.strategy).engine_version,
        owner=owner,
        retry_of=ended,
        created_at=now,
        deadline_at=now + timedelta(seconds=ended.timeout_s),
    )
    set_tried(session)
    chunks = list(_carried_over(ended, session))
    session.carried_tests, session.carried_work = session.current, session.work_done
    session.pace = [[0.0, session.work_done]]
    add_improvement(session, now)
    with transaction.atomic():
        quotas.charge(owner, session.total - session.current, now)
        session.save(force_insert=True)
        store_tags(session, ended.tag_names)
        remember(session)
        ResultChunk.objects.bulk_create(chunks, batch_size=100)
    wake_workers()
    return session


def _carried_over(ended: BatchSession, session: BatchSession) -> Iterator[ResultChunk]:
    """Yield the chunks of the new session, and add those that are taken over to its counters."""
    plan = plan_of(ended)
    position = 0
    # Results of another version of the engine, or of a strategy's own code, are not mixed with new ones.
    keep = ended.engine_version == session.engine_version
    for old in ended.chunks.order_by("position").iterator(chunk_size=50):
        for start, stop, finished in _pieces(old, keep=keep):
            piece = ResultChunk(
                session=session, position=position, symbol_number=old.symbol_number, start=start, stop=stop
            )
            if finished:
                whole = decode_block(old.block, old.stop - old.start)
                metrics = np.ascontiguousarray(whole[:, start - old.start : stop - old.start])
                piece.status, piece.block = ChunkStatus.DONE, encode_block(metrics)
                piece.crc32 = checksum(piece.block)
                add_slices(session, plan, [FinishedSlice(start, stop, metrics, [])])
            yield piece
            position += 1


def _pieces(old: ResultChunk, *, keep: bool) -> list[tuple[int, int, bool]]:
    """Return (start, stop, finished) slices that cover an old chunk."""
    if old.status != ChunkStatus.DONE or not keep or not is_intact(old):
        return [(old.start, old.stop, False)]
    failed = sorted((first, last) for _, ranges in old.failures for first, last in ranges)
    pieces, at = [], old.start
    for first, last in failed:
        if at < first:
            pieces.append((at, first, True))
        pieces.append((first, last, False))
        at = last
    if at < old.stop:
        pieces.append((at, old.stop, True))
    return pieces if len(pieces) <= MAX_PIECES else [(old.start, old.stop, False)]
