"""Store and queue the batch of a checked request. A refused request leaves nothing behind."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from backtester.engine import EngineError, get_strategy
from batches import quotas
from batches.errors import BatchError, Conflict, Detail, InvalidRequest
from batches.models import BatchSession, Instrument, ResultChunk
from batches.ops import storage
from batches.prices.beta import series_beta
from batches.prices.series import count_bars, tested_instruments
from batches.results.blocks import result_bytes
from batches.running.queue import QUEUE_DEPTH, enqueue
from batches.search import remember
from batches.sweep.chunking import plan_chunks, work_per_second, workers
from batches.sweep.plan import Plan, TestedInstrument, build_plan
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import wire_name
from batches.validators import nearest

log = logging.getLogger(__name__)

OVERHEAD_S = 0.1  # queueing, claiming, recording and the summary, independent of the size


@dataclass(frozen=True)
class Estimate:
    """The cost of a batch. seconds : wall clock with all workers free; bytes : stored results

    betas : of each symbol over the tested dates, if the batch scales by beta
    """

    total: int
    excluded: int
    seconds: float
    bytes: int
    betas: dict[str, float]


def submit(request: StartRequest, *, now: datetime, owner: User | None = None) -> BatchSession:
    """Store the batch with its chunks in one transaction, then queue it. Return the same batch for a repeated id."""
    if session := _existing(request, owner):
        return session
    session, chunks = _prepare(request, now)
    session.owner = owner
    quotas.require_batch_slot()
    storage.require_space(result_bytes(session.total))
    try:
        with transaction.atomic():
            quotas.charge(owner, session.total, now)
            session.save(force_insert=True)
            remember(session)
            ResultChunk.objects.bulk_create(chunks, batch_size=500)
    except IntegrityError:  # the same request arrived twice at the same moment
        if existing := _existing(request, owner):
            return existing
        raise
    log.info("batch queued: %d tests of %s", session.total, session.strategy, extra={"session": str(session.id)})
    enqueue(session.id, messages=QUEUE_DEPTH)
    return session


def estimate(request: StartRequest) -> Estimate:
    """Return the cost of a batch without storing it."""
    plan, instruments = _checked_plan(request)
    cost_ns = get_strategy(request.strategy).cost_ns
    work = plan.grid.size_per_symbol * sum(plan.bars)
    return Estimate(
        total=plan.grid.size,
        excluded=plan.grid.excluded,
        seconds=round(OVERHEAD_S + work / work_per_second(request.strategy, cost_ns) / workers(), 3),
        bytes=result_bytes(plan.grid.size),
        betas={tested["symbol"]: tested["beta"] for tested in instruments if tested["beta"] is not None},
    )


def _existing(request: StartRequest, owner: User | None) -> BatchSession | None:
    """Return the batch of the chosen id, or raise Conflict, in the same words for another owner and another request."""
    session = BatchSession.objects.filter(pk=request.session_id).first() if request.session_id else None
    if session and (session.request != request.as_json() or session.owner_id != (owner.pk if owner else None)):
        raise Conflict(f"sessionId {request.session_id} belongs to another request.", code="SESSION_ID_TAKEN")
    return session


def _prepare(request: StartRequest, now: datetime) -> tuple[BatchSession, list[ResultChunk]]:
    plan, instruments = _checked_plan(request)
    session = BatchSession(
        id=request.session_id or uuid.uuid4(),
        request=request.as_json(),
        strategy=request.strategy,
        sort_by=wire_name(request.sort_by),
        instruments=instruments,
        engine_version=get_strategy(request.strategy).engine_version,
        total=plan.grid.size,
        work_total=float(plan.grid.size_per_symbol) * sum(plan.bars),
        created_at=now,
        timeout_s=request.timeout_s,
        deadline_at=now + timedelta(seconds=request.timeout_s),
    )
    chunks = list(plan_chunks(plan.grid, plan.bars, get_strategy(request.strategy).cost_ns))
    for chunk in chunks:
        chunk.session = session
    return session, chunks


def _checked_plan(request: StartRequest) -> tuple[Plan, list[TestedInstrument]]:
    """Return the plan and its instruments, or raise InvalidRequest if the stored prices do not fit the request."""
    stored = {instrument.symbol: instrument for instrument in tested_instruments(request.symbols)}
    unknown = [symbol for symbol in request.symbols if symbol not in stored]
    if unknown:
        raise InvalidRequest(*(_unknown_symbol(symbol) for symbol in unknown[:20]))
    instruments = [_tested(stored[symbol], request) for symbol in request.symbols]
    if request.beta_scaling:
        _add_betas(instruments, stored, request)
    try:
        plan = build_plan(request, instruments)
    except EngineError as error:
        inside = f".{wire_name(error.field)}" if error.field in request.axes else ""
        raise InvalidRequest(Detail(f"parameterRanges{inside}", error.message)) from error
    _require_size(plan)
    return plan, instruments


def _require_size(plan: Plan) -> None:
    limit = settings.BATCH_MAX_COMBINATIONS
    if plan.grid.size > limit:
        message = (
            f"{plan.grid.size:,} combinations are too many; at most {limit:,} are allowed (BATCH_MAX_COMBINATIONS)."
        )
        detail = Detail("parameterRanges", message)
        raise BatchError(message, code="TOO_MANY_COMBINATIONS", status=422, details=(detail,))


def _unknown_symbol(symbol: str) -> Detail:
    names = Instrument.objects.values_list("symbol", flat=True)
    return Detail("symbols", f"There are no prices for {symbol[:40]!r}.{nearest(symbol, names)}")


def _tested(instrument: Instrument, request: StartRequest) -> TestedInstrument:
    """Read the bars only where the dates cut them, so that a batch of thousands of symbols is planned at once."""
    series, start, end = instrument.series, request.start_date, request.end_date
    bars = series.n_bars
    try:
        if (start and start > series.first_date) or (end and end < series.last_date):
            bars = count_bars(series.pk, start, end)
    except EngineError as error:
        raise InvalidRequest(Detail("startDate", error.message)) from error
    return {"symbol": instrument.symbol, "seriesId": series.pk, "bars": bars, "beta": None}


def _add_betas(instruments: list[TestedInstrument], stored: dict[str, Instrument], request: StartRequest) -> None:
    benchmark = next(iter(tested_instruments([settings.BENCHMARK_SYMBOL])), None)
    for tested in instruments:
        manual = stored[tested["symbol"]].manual_beta
        tested["beta"] = manual
        if manual is None and benchmark:
            tested["beta"] = series_beta(tested["seriesId"], benchmark.series_id, request.start_date, request.end_date)
        if tested["beta"] is None:
            raise InvalidRequest(
                Detail(
                    "enableBetaScaling",
                    f"{tested['symbol']} has no beta against {settings.BENCHMARK_SYMBOL} over the tested dates."
                    " Store a manual beta with the instrument, or switch beta scaling off.",
                )
            )
