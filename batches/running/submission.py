"""Store and queue the batch of a checked request. A refused request leaves nothing behind."""

import logging
import uuid
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from backtester.engine import get_strategy
from batches import quotas
from batches.errors import Conflict
from batches.models import BatchSession, ResultChunk
from batches.naming import store_tags
from batches.ops import storage
from batches.results.blocks import result_bytes
from batches.running.checking import Checked, checked_plan
from batches.running.queue import wake_workers
from batches.search import remember
from batches.sweep.chunking import plan_chunks
from batches.sweep.plan import plan_of
from batches.sweep.rates import measured_rate, newest_rate
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import wire_name
from batches.verdict import holdouts, ledger

log = logging.getLogger(__name__)


def submit(request: StartRequest, *, now: datetime, owner: User | None = None) -> BatchSession:
    """Store the batch with its chunks in one transaction, then queue it. Return the same batch for a repeated id."""
    if session := _existing(request, owner):
        return session
    checked = checked_plan(request, owner)
    session, chunks = _prepare(request, checked, now)
    session.owner = owner
    set_tried(session)
    quotas.require_batch_slot()
    storage.require_space(result_bytes(session.total))
    try:
        with transaction.atomic():
            quotas.charge(owner, session.total, now)
            if checked.tail:
                session.holdout = holdouts.lock(request.as_json(), checked.tail, owner, now)
            session.save(force_insert=True)
            store_tags(session, request.tags)
            remember(session)
            ResultChunk.objects.bulk_create(chunks, batch_size=500)
    except IntegrityError:  # the same request arrived twice at the same moment
        if existing := _existing(request, owner):
            return existing
        raise
    log.info("batch queued: %d tests of %s", session.total, session.strategy, extra={"session": str(session.id)})
    wake_workers()
    return session


def set_tried(session: BatchSession) -> None:
    """Note what the ledger holds of the batch's prices now."""
    before = ledger.tried(session.tested_request, plan_of(session), session.instruments, session.owner)
    session.tried_before, session.tried_again = before.trials, before.again


def _existing(request: StartRequest, owner: User | None) -> BatchSession | None:
    """Return the batch of the chosen id, or raise Conflict, in the same words for another owner and another request."""
    session = BatchSession.objects.filter(pk=request.session_id).first() if request.session_id else None
    if session and (session.request != request.as_json() or session.owner_id != (owner.pk if owner else None)):
        raise Conflict(f"sessionId {request.session_id} belongs to another request.", code="SESSION_ID_TAKEN")
    return session


def _prepare(request: StartRequest, checked: Checked, now: datetime) -> tuple[BatchSession, list[ResultChunk]]:
    plan = checked.plan
    session = BatchSession(
        id=request.session_id or uuid.uuid4(),
        request=request.as_json(),
        title=request.title,
        strategy=request.strategy,
        sort_by=wire_name(request.sort_by),
        instruments=checked.instruments,
        tested_until=checked.until,
        engine_version=get_strategy(request.strategy).engine_version,
        total=plan.grid.size,
        work_total=float(plan.grid.size_per_series) * sum(plan.bars),
        work_rate=measured_rate(request, plan.bars) or newest_rate(request.strategy),
        created_at=now,
        timeout_s=request.timeout_s,
        deadline_at=now + timedelta(seconds=request.timeout_s),
    )
    chunks = list(plan_chunks(plan.grid, plan.bars, get_strategy(request.strategy).cost_ns))
    for chunk in chunks:
        chunk.session = session
    return session, chunks
