"""Check a request against the stored prices, and plan its tests. A refused request leaves nothing behind."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.contrib.auth.models import User

from backtester.engine import EngineError, get_strategy
from backtester.engine.sessions import no_session_end
from backtester.engine.timeframes import check_timeframe, name_of, seconds_of
from batches.errors import BatchError, Detail, InvalidRequest
from batches.formatting import shortened
from batches.models import Instrument
from batches.prices.beta import series_beta
from batches.prices.series import count_bars, tested_instruments
from batches.sweep.notes import Period, without_bars
from batches.sweep.plan import Plan, TestedInstrument, build_plan
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import wire_name
from batches.validators import day_of, nearest
from batches.verdict import holdouts


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


def checked_plan(request: StartRequest, owner: User | None) -> Checked:
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
            "timeframe": name_of(instrument.bar_seconds),
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


def _unfit(instruments: Sequence[Instrument], request: StartRequest) -> Iterator[Detail]:
    """Yield a problem for each timeframe that the bars of some symbols cannot be put together to."""
    for timeframe in request.timeframes:
        message, symbols = "", []
        for instrument in instruments:
            try:
                check_timeframe(timeframe, instrument.bar_seconds, instrument.symbol)
            except EngineError as error:
                message = message or error.message
                symbols.append(instrument.symbol)
        if symbols:
            others = f" The bars of {shortened(symbols[1:])} do not fit either." if len(symbols) > 1 else ""
            yield Detail("timeframes", message + others)


def _no_session_end(instruments: Sequence[Instrument], request: StartRequest) -> str:
    """Return why positions cannot be closed at the end of each session; "" if they can."""
    sizes: list[tuple[str, float | None]] = [(f"{name} is", seconds_of(name)) for name in request.timeframes]
    sizes = sizes or [(f"Those of {instrument.symbol} are", instrument.bar_seconds) for instrument in instruments]
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
        names_have = f"{shortened(lacking)} {'has' if len(lacking) == 1 else 'have'}"
        message = (
            f"{names_have} no beta against {settings.BENCHMARK_SYMBOL} over the tested dates."
            " Store a manual beta with the instrument, or switch beta scaling off."
        )
        raise InvalidRequest(Detail("enableBetaScaling", message))
