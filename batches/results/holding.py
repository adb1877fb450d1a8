"""How far each test is ahead of holding its symbol: a metric to sort, filter and map by, computed when requested."""

import functools
import math
from collections.abc import Iterable
from datetime import date

import numpy as np

from backtester.engine import EngineError, Metric, Rules, buy_and_hold
from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.prices.series import load_prices
from batches.results.columns import ResultColumns
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

AHEAD = "aheadOfHolding"
AHEAD_OF_HOLDING = Metric(
    name="ahead_of_holding",
    label="Ahead of holding",
    unit="fraction",
    formula="annual return - annual return of buy and hold",
    source="Difference of two annual returns over the same bars, with the same capital and costs.",
    description="What the rules added, a year, to buying the symbol and holding it.",
)
SORTABLE = METRICS_BY_WIRE_NAME | {AHEAD: AHEAD_OF_HOLDING}


def ahead_of_holding(columns: ResultColumns) -> Floats:
    """Return the annual return in excess of buy and hold of each finished test, float64[n], NaN where undefined."""
    plan = columns.plan
    held = np.array(
        [_annual_return(series_id, plan.start_date, plan.end_date, plan.rules) for series_id in plan.series_ids]
    )
    symbol_number = plan.grid.decode_many(columns.index).symbol_number
    ahead: Floats = columns.metric("annualized_return") - held[symbol_number]
    return ahead


def held_returns(session: BatchSession, symbols: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the annual return of buy and hold by symbol, where it is defined; a summary has all of its metrics."""
    if not session.request["includeComparison"]:
        return {}
    plan = plan_of(session)
    numbers = {symbol: number for number, symbol in enumerate(plan.grid.symbols)}
    returns = {
        symbol: _annual_return(plan.series_ids[numbers[symbol]], plan.start_date, plan.end_date, plan.rules)
        for symbol in symbols
    }
    return {symbol: {"annualizedReturn": value} for symbol, value in returns.items() if not math.isnan(value)}


@functools.lru_cache(maxsize=20_000)
def _annual_return(series_id: int, start: date | None, end: date | None, rules: Rules) -> float:
    """Cached: neither prices nor rules of a batch ever change."""
    try:
        return float(buy_and_hold(load_prices(series_id, start, end), rules)["annualized_return"])
    except EngineError:  # too few bars
        return math.nan
