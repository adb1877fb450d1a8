"""Buy and hold beside each test, over the same bars; how far a test is ahead of it is a metric to sort by."""

import functools
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from backtester.engine import EngineError, Metric, Rules, buy_and_hold
from backtester.engine.arrays import Floats
from batches.errors import BatchError
from batches.models import BatchSession
from batches.prices.series import load_prices
from batches.results.columns import ResultColumns
from batches.sweep.plan import Plan, plan_of, wire_metrics
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Metrics

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
    held = [held_in(plan, number) for number in range(plan.grid.n_series)]
    returns = np.array([metrics and metrics["annualizedReturn"] for metrics in held], dtype=np.float64)
    ahead: Floats = columns.metric("annualized_return") - returns[columns.index // plan.grid.size_per_series]
    return ahead


def held_in(plan: Plan, series_number: int) -> Metrics | None:
    """Return the metrics of buy and hold over the bars of a series; None with too few bars, or without prices."""
    return _held(plan.rules, *plan.tested_bars(series_number))


class Holding:
    """Buy and hold beside the tests of a batch: the stored comparison, if there is one over the same bars."""

    def __init__(self, session: BatchSession) -> None:
        self.is_compared = bool(session.request["includeComparison"])
        self.plan = plan_of(session)
        stored = (session.results or {}).get("comparison", {}) if self.plan.grid.n_timeframes == 1 else {}
        self.stored: Mapping[str, Metrics | None] = stored

    def beside(self, symbol: str, row: Mapping[str, Any] | None) -> Metrics | None:
        """Return the metrics of buy and hold over the bars of a row, without one over the first of the symbol."""
        if not self.is_compared:
            return None
        if symbol in self.stored:
            return self.stored[symbol]
        grid = self.plan.grid
        number = grid.series_of(row["index"]) if row else grid.symbols.index(symbol) * grid.n_timeframes
        return held_in(self.plan, number)


@functools.lru_cache(maxsize=5_000)
def _held(rules: Rules, series_id: int, start: date | None, end: date | None, timeframe: str | None) -> Metrics | None:
    """Cached: neither prices nor rules of a batch ever change."""
    try:
        return wire_metrics(buy_and_hold(load_prices(series_id, start, end, timeframe), rules))
    except (EngineError, BatchError):
        return None
