"""The end of a batch in one object, `BatchResults`: the top rows, the best of each symbol, averages, buy and hold."""

import logging
from typing import Any

import numpy as np
from django.conf import settings

from backtester.engine import METRIC_NAMES, EngineError, buy_and_hold
from batches.formatting import parameter as shown_parameter
from batches.models import BatchSession
from batches.results.columns import Columns, best, columns_of
from batches.sweep.plan import Plan, metrics_json
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name

log = logging.getLogger(__name__)
FEW_TRADES = 30


def summarise(session: BatchSession) -> dict[str, Any]:
    """`BatchResults` in its wire form."""
    columns = columns_of(session, keep=False)  # a worker ends many batches and looks back at none
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    descending = metric.higher_is_better
    averages = _averages(columns)  # first: it reads every metric, and the rows are then taken from there
    values = columns.metric(metric.name)
    rows = columns.rows(best(values, settings.BATCH_TOP_ROWS, descending=descending))
    return {
        "totalCombinations": session.total,
        "successfulRuns": session.successful,
        "failedRuns": session.failed,
        "sortedBy": session.sort_by,
        "results": rows,
        "truncated": session.total > len(rows),
        "resultsUrl": f"/api/backtest/batch/{session.id}/results",
        "errors": session.failures,
        "summary": {
            "overallBest": rows[0] if rows else None,
            "bestBySymbol": _best_by_symbol(columns, values, descending=descending),
            "averages": averages,
        },
        "comparison": _comparison(columns.plan) if session.request["includeComparison"] else {},
        "validation": {
            "warnings": _warnings(columns.plan, rows),
            "excludedCombinations": columns.plan.grid.excluded,
            "engineVersion": session.engine_version,
        },
    }


def _best_by_symbol(columns: Columns, values: np.ndarray[Any, Any], *, descending: bool) -> dict[str, Any]:
    places = {}
    for number, symbol in enumerate(columns.plan.grid.symbols):
        first, last = np.searchsorted(columns.index, columns.plan.grid.span(number))
        places[symbol] = (best(values[first:last], 1, descending=descending) + first).tolist()
    rows = iter(columns.rows(np.array([place for some in places.values() for place in some], dtype=np.int64)))
    return {symbol: next(rows) if some else None for symbol, some in places.items()}


def _averages(columns: Columns) -> dict[str, float | None]:
    """The mean of each metric over the tests where it is defined."""
    averages: dict[str, float | None] = {}
    for name in METRIC_NAMES:
        values = columns.metric(name)
        defined = values[~np.isnan(values)]
        averages[wire_name(name)] = float(defined.mean()) if len(defined) else None
    return averages


def _comparison(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, symbol in enumerate(plan.grid.symbols):
        try:
            held = buy_and_hold(plan.prices(number), plan.rules)
            found[symbol] = metrics_json(np.array([held[name] for name in METRIC_NAMES]))
        except EngineError as error:
            log.info("no comparison for %s: %s", symbol, error)
            found[symbol] = None
    return found


def _warnings(plan: Plan, rows: list[dict[str, Any]]) -> list[str]:
    """What an expert would say about the winner before believing it."""
    if not rows:
        return ["No test gave a result that can be ranked."]
    winner, said = rows[0], []
    if (winner["trades"] or 0) < FEW_TRADES:
        said.append(f"The best result rests on {winner['trades'] or 0} trades; under {FEW_TRADES} is mostly luck.")
    for name, values in plan.grid.axes.items():
        value = winner["parameters"][wire_name(name)]
        if len(values) > 2 and value in (values[0], values[-1]):
            about = plan.grid.strategy.parameter(name)
            words = f"{about.label.lower()} ({shown_parameter(value, about.kind)})"
            said.append(f"The best {words} is at the edge of its range; extend the range.")
    return said
