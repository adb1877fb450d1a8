"""Summarize an ended batch as `BatchResults`: the top rows, the best of each symbol, averages, buy and hold."""

import numpy as np

from batches.formatting import counted, shortened
from batches.formatting import parameter as parameter_text
from batches.models import BatchSession
from batches.results.affordability import unaffordable
from batches.results.averages import mean
from batches.results.columns import ResultColumns, columns_of
from batches.results.holding import held_in
from batches.results.ranking import best, best_by_symbol, that_traded
from batches.sweep.plan import Plan
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.sweep.wire_types import BatchResults, Metrics, Row

FEW_TRADES = 30
TOP_ROWS = 100


def summarize(session: BatchSession, columns: ResultColumns | None = None) -> BatchResults:
    """Summarize the stored results, or columns that are still in memory."""
    if columns is None:
        columns = columns_of(session, keep=False)  # a worker ends many batches and needs none of them again
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    # First, because they read every metric: the rows are then taken from there.
    averages = {name: mean(columns.metric(metric.name)) for name, metric in METRICS_BY_WIRE_NAME.items()}
    exposure = columns.metric("exposure")
    values = that_traded(columns.metric(metric.name), exposure)
    ranked = best(values, TOP_ROWS, descending=metric.higher_is_better)
    unranked = np.flatnonzero(np.isnan(values) & ~np.isnan(exposure))  # finished, but undefined or without a position
    rows = columns.rows(np.concatenate([ranked, unranked])[:TOP_ROWS])
    winner = rows[0] if len(ranked) else None
    return {
        "totalCombinations": session.total,
        "successfulRuns": session.successful,
        "failedRuns": session.failed,
        "sortedBy": session.sort_by,
        "results": rows,
        "truncated": session.total > len(rows),
        "resultsUrl": f"/api/backtest/batch/{session.id}/results",
        "verdictUrl": f"/api/backtest/batch/{session.id}/verdict",
        "errors": session.failures,
        "summary": {
            "overallBest": winner,
            "bestBySymbol": _best_rows(columns, best_by_symbol(columns, metric)),
            "averages": averages,
        },
        "comparison": _comparison(columns.plan) if session.request["includeComparison"] else {},
        "validation": {
            "warnings": _warnings(columns.plan, winner),
            "excludedCombinations": columns.plan.grid.excluded,
            "engineVersion": session.engine_version,
        },
    }


def _best_rows(columns: ResultColumns, positions: dict[str, int | None]) -> dict[str, Row | None]:
    defined = [position for position in positions.values() if position is not None]
    rows = iter(columns.rows(np.array(defined, dtype=np.int64)))
    return {symbol: None if position is None else next(rows) for symbol, position in positions.items()}


def _comparison(plan: Plan) -> dict[str, Metrics | None]:
    return {symbol: held_in(plan, number * plan.grid.n_timeframes) for number, symbol in enumerate(plan.grid.symbols)}


def _warnings(plan: Plan, winner: Row | None) -> list[str]:
    warnings = [*unaffordable(plan), *_foresight(plan)]
    if winner is None:
        return [*warnings, "No test gave a result that can be ranked."]
    if (trades := winner["trades"] or 0) < FEW_TRADES:
        warnings.append(f"The best result is based on {counted(trades, 'trade')}; under {FEW_TRADES} is mostly luck.")
    for name, values in plan.grid.axes.items():
        value = winner["parameters"][wire_name(name)]
        if len(values) > 2 and value in (values[0], values[-1]):
            parameter = plan.grid.strategy.parameter(name)
            text = f"{parameter.label.lower()} ({parameter_text(value, parameter.kind)})"
            warnings.append(f"The best {text} is at the edge of the range tested: widen it.")
    return warnings


def _foresight(plan: Plan) -> list[str]:
    symbols = [symbol for symbol, ahead in zip(plan.grid.symbols, plan.look_ahead, strict=True) if ahead]
    if not symbols:
        return []
    facts = f"that of {shortened(symbols)} is measured over the tested dates and known only at their end"
    return [f"Beta looks ahead: {facts}. For a test without look-ahead, store a manual beta of earlier dates."]
