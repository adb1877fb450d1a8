"""Store and queue the batch of a checked request. A refused request leaves nothing behind."""

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from backtester.engine import EngineError, get_strategy
from backtester.engine.bar_sizes import DAY_S
from backtester.engine.sessions import no_session_end
from backtester.engine.timeframes import check_timeframe, name_of, seconds_of
from batches import quotas
from batches.errors import BatchError, Conflict, Detail, InvalidRequest
from batches.models import BatchSession, Instrument, ResultChunk
from batches.naming import store_tags
from batches.ops import storage
from batches.prices.beta import series_beta
from batches.prices.series import count_bars, tested_instruments
from batches.results.blocks import result_bytes
from batches.running.queue import wake_workers
from batches.search import remember
from batches.sweep.chunking import plan_chunks
from batches.sweep.notes import (
    Period,
    common_days,
    listed,
    period_notes,
    request_notes,
    tested_periods,
    without_bars,
)
from batches.sweep.plan import Plan, TestedInstrument, build_plan, plan_of
from batches.sweep.rates import declared_rate, measured_rate, newest_rate, workers
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import wire_name
from batches.sweep.wire_types import EstimatedLuck
from batches.validators import day_of, nearest
from batches.verdict import holdouts, ledger
from batches.verdict.luck import expected_luck

log = logging.getLogger(__name__)

DAYS_IN_A_YEAR = 365.25
OVERHEAD_S = 0.09  # queueing, claiming and the summary, independent of the size
STORING_S = 1e-6  # for each test


@dataclass(frozen=True)
class Estimate:
    """The cost of a batch. seconds : wall clock with all workers free; bytes : stored results

    is_measured : whether a similar batch was measured here; otherwise the seconds are a guess
    bars : of all symbols together, by timeframe; empty without timeframes
    betas : of each symbol over the tested dates, if the batch scales by beta; notes : what is allowed and rarely meant
    days : from the first tested day of any symbol to the last; common : those that all have, if they are others
    """

    total: int
    excluded: int
    seconds: float
    is_measured: bool
    bytes: int
    bars: dict[str, int]
    betas: dict[str, float]
    notes: list[str]
    luck: EstimatedLuck | None
    days: tuple[date, date] | None
    common: tuple[date, date] | None


def submit(request: StartRequest, *, now: datetime, owner: User | None = None) -> BatchSession:
    """Store the batch with its chunks in one transaction, then queue it. Return the same batch for a repeated id."""
    if session := _existing(request, owner):
        return session
    checked = _checked_plan(request, owner)
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


def estimate(request: StartRequest, owner: User | None = None) -> Estimate:
    """Return the cost of a batch without storing it, and what luck alone would show for the owner's next one."""
    checked = _checked_plan(request, owner)
    plan, tested = checked.plan, checked.tested
    measured = measured_rate(request, plan.bars)
    rate = measured or newest_rate(request.strategy) or declared_rate(request.strategy)
    work = plan.grid.size_per_series * sum(plan.bars)
    before = ledger.tried(tested.as_json(), plan, checked.instruments, owner)
    periods = tested_periods(tested.as_json(), checked.periods)
    return Estimate(
        total=plan.grid.size,
        excluded=plan.grid.excluded,
        seconds=round(OVERHEAD_S + STORING_S * plan.grid.size + work / rate / workers(), 3),
        is_measured=measured is not None,
        bytes=result_bytes(plan.grid.size),
        bars={name: sum(plan.bars[at :: len(tested.timeframes)]) for at, name in enumerate(tested.timeframes)},
        betas={row["symbol"]: row["beta"] for row in checked.instruments if row["beta"] is not None},
        notes=[
            *request_notes(request.as_json()),
            *period_notes(tested.as_json(), checked.periods),
            *holdouts.notes(checked.tail, checked.cut, owner),
        ],
        luck=expected_luck(plan.grid.size - before.again, before.trials, tested_years(checked.periods, tested)),
        days=(min(period.first for period in periods), max(period.last for period in periods)) if periods else None,
        common=common_days(tested.as_json(), checked.periods),
    )


def set_tried(session: BatchSession) -> None:
    """Note what the ledger holds of the batch's prices now."""
    before = ledger.tried(session.tested_request, plan_of(session), session.instruments, session.owner)
    session.tried_before, session.tried_again = before.trials, before.again


def tested_years(periods: Sequence[Period], request: StartRequest) -> float:
    """Return the years that are tested of the symbol with the shortest history."""
    start, end = (limit and day_of(limit) for limit in (request.start_date, request.end_date))
    ranges = [(max(period.first, start or period.first), min(period.last, end or period.last)) for period in periods]
    return min((last - first).days for first, last in ranges) / DAYS_IN_A_YEAR


def _existing(request: StartRequest, owner: User | None) -> BatchSession | None:
    """Return the batch of the chosen id, or raise Conflict, in the same words for another owner and another request."""
    session = BatchSession.objects.filter(pk=request.session_id).first() if request.session_id else None
    if session and (session.request != request.as_json() or session.owner_id != (owner.pk if owner else None)):
        raise Conflict(f"sessionId {request.session_id} belongs to another request.", code="SESSION_ID_TAKEN")
    return session


@dataclass(frozen=True)
class Checked:
    """tested : the request as far as it is tested; tail : the days it locks; cut : what earlier batches have locked"""

    plan: Plan
    instruments: list[TestedInstrument]
    periods: list[Period]
    tested: StartRequest
    tail: holdouts.Tail | None
    cut: holdouts.Cut | None

    @property
    def until(self) -> date | None:
        return holdouts.last_tested(self.tail, self.cut)


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


def _checked_plan(request: StartRequest, owner: User | None) -> Checked:
    """Return the plan, its instruments and the periods of their prices, or raise InvalidRequest if these do not fit."""
    stored = {instrument.symbol: instrument for instrument in tested_instruments(request.symbols)}
    unknown = [symbol for symbol in request.symbols if symbol not in stored]
    if unknown:
        raise InvalidRequest(*(_unknown_symbol(symbol) for symbol in unknown[:20]))
    periods = _periods(stored[symbol] for symbol in request.symbols)
    tail = holdouts.tail_of(request, periods)
    cut = holdouts.cut_of(request, tail, periods, owner)
    tested = request.until(holdouts.last_tested(tail, cut))
    instruments = _tested([stored[symbol] for symbol in request.symbols], tested)
    if request.beta_scaling:
        _add_betas(instruments, stored, tested)
    try:
        plan = build_plan(tested, instruments)
    except EngineError as error:
        inside = f".{wire_name(error.field)}" if error.field in request.axes else ""
        raise InvalidRequest(Detail(f"parameterRanges{inside}", error.message)) from error
    _require_size(plan)
    return Checked(plan, instruments, periods, tested, tail, cut)


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


def _tested(instruments: Sequence[Instrument], request: StartRequest) -> list[TestedInstrument]:
    """Count the bars between the dates. All symbols without one are refused together."""
    bars = [_bars(instrument, request) for instrument in instruments]
    lacking = [instrument for instrument, n_bars in zip(instruments, bars, strict=True) if not n_bars]
    if lacking:
        dates = (request.start_date, request.end_date)
        field = "startDate" if request.holdout is None else "holdout"
        raise InvalidRequest(Detail(field, without_bars(_periods(lacking), _periods(instruments), *dates)))
    tested: list[TestedInstrument] = [
        {
            "symbol": instrument.symbol,
            "seriesId": instrument.series_id,
            "timeframe": name_of(_bar_seconds(instrument)),
            "bars": n_bars,
            "beta": None,
        }
        for instrument, n_bars in zip(instruments, bars, strict=True)
    ]
    if request.flat_at_session_end and (problem := _no_session_end(instruments, request)):
        raise InvalidRequest(Detail("flatAtSessionEnd", f"flatAtSessionEnd: {problem}"))
    if request.timeframes:
        if problems := list(_unfit(instruments, request)):
            raise InvalidRequest(*problems)
        for instrument, row in zip(instruments, tested, strict=True):
            row["timeframeBars"] = _timeframe_bars(instrument, request)
    return tested


def _bar_seconds(instrument: Instrument) -> float | None:
    return None if instrument.bar_days is None else round(instrument.bar_days * DAY_S, 6)


def _unfit(instruments: Sequence[Instrument], request: StartRequest) -> Iterator[Detail]:
    """Yield a problem for each timeframe that the bars of some symbols cannot be put together to."""
    for timeframe in request.timeframes:
        message, symbols = "", []
        for instrument in instruments:
            try:
                check_timeframe(timeframe, _bar_seconds(instrument), instrument.symbol)
            except EngineError as error:
                message = message or error.message
                symbols.append(instrument.symbol)
        if symbols:
            others = f" The bars of {listed(symbols[1:])} do not fit either." if len(symbols) > 1 else ""
            yield Detail("timeframes", message + others)


def _no_session_end(instruments: Sequence[Instrument], request: StartRequest) -> str:
    """Return why positions cannot be closed at the end of each session; "" if they can."""
    sizes: list[tuple[str, float | None]] = [(f"{name} is", seconds_of(name)) for name in request.timeframes]
    sizes = sizes or [(f"Those of {instrument.symbol} are", _bar_seconds(instrument)) for instrument in instruments]
    strategy = get_strategy(request.strategy)
    for subject, seconds in sizes:
        if problem := no_session_end(strategy, seconds):
            return problem if strategy.kind != "signal" else f"{problem} {subject} not."
    return ""


def _timeframe_bars(instrument: Instrument, request: StartRequest) -> list[int]:
    start, end = request.start_date, request.end_date
    try:
        return [count_bars(instrument.series_id, start, end, timeframe) for timeframe in request.timeframes]
    except EngineError as error:
        raise InvalidRequest(Detail("timeframes", error.message)) from None


def _bars(instrument: Instrument, request: StartRequest) -> int:
    """Read the bars only where the dates cut them, so that a batch of thousands of symbols is planned at once."""
    series = instrument.series
    start, end = (limit and day_of(limit) for limit in (request.start_date, request.end_date))
    if (start and start > series.last_date) or (end and end < series.first_date):
        return 0
    is_cut_by_moment = isinstance(request.start_date, datetime) or isinstance(request.end_date, datetime)
    if is_cut_by_moment or (start and start > series.first_date) or (end and end < series.last_date):
        try:
            return count_bars(series.pk, request.start_date, request.end_date)
        except EngineError:  # a gap in the prices
            return 0
    return series.n_bars


def _periods(instruments: Iterable[Instrument]) -> list[Period]:
    return [
        Period(instrument.symbol, instrument.series.first_date, instrument.series.last_date)
        for instrument in instruments
    ]


def _add_betas(instruments: list[TestedInstrument], stored: dict[str, Instrument], request: StartRequest) -> None:
    benchmark = next(iter(tested_instruments([settings.BENCHMARK_SYMBOL])), None)
    for tested in instruments:
        manual = stored[tested["symbol"]].manual_beta
        tested["beta"], tested["betaLooksAhead"] = manual, manual is None
        if manual is None and benchmark:
            tested["beta"] = series_beta(tested["seriesId"], benchmark.series_id, request.start_date, request.end_date)
    if lacking := [tested["symbol"] for tested in instruments if tested["beta"] is None]:
        names_have = f"{listed(lacking)} {'has' if len(lacking) == 1 else 'have'}"
        message = (
            f"{names_have} no beta against {settings.BENCHMARK_SYMBOL} over the tested dates."
            " Store a manual beta with the instrument, or switch beta scaling off."
        )
        raise InvalidRequest(Detail("enableBetaScaling", message))
