"""The best test of each symbol, of those that pass the filters, or why a symbol has none."""

from collections.abc import Iterable

import numpy as np

from backtester.engine import METRIC_NAMES, undefined_reasons
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.failures import Failures
from batches.results.query import ResultsQuery, column, select
from batches.results.ranking import best_position, that_traded
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Row


def best_rows(session: BatchSession, query: ResultsQuery) -> dict[str, Row | None]:
    """Return the best row of each symbol by the batch's own metric, None where no test passes."""
    if session.results and not (query.bounds or query.symbol or query.timeframe):
        stored: dict[str, Row | None] = session.results.get("summary", {}).get("bestBySymbol", {})
        return stored
    columns, metric = columns_of(session), METRICS_BY_WIRE_NAME[session.sort_by]
    values = np.full(len(columns.index), np.nan)
    passing = select(columns, query)
    values[passing] = that_traded(column(columns, session.sort_by)[passing], column(columns, "exposure")[passing])
    rows: dict[str, Row | None] = {}
    for number, symbol in enumerate(columns.plan.grid.symbols):
        if query.symbol in ("", symbol):
            first, last = columns.span(number)
            at = best_position(values[first:last], metric)
            rows[symbol] = None if at is None else columns.rows(np.array([first + at]))[0]
    return rows


def why_without_best(session: BatchSession, query: ResultsQuery, symbols: Iterable[str]) -> dict[str, str]:
    """Return a sentence for each of these symbols, of which no test can be ranked."""
    columns, metric = columns_of(session), METRICS_BY_WIRE_NAME[session.sort_by]
    passing, exposure, failures = select(columns, query), columns.metric("exposure"), Failures.of(session)

    def why(symbol: str) -> str:
        first, last = columns.span(columns.plan.grid.symbols.index(symbol))
        if first == last:
            return "No test was run."
        tests = passing[(passing >= first) & (passing < last)]
        if not len(tests):
            return "No test passes the filters."
        finished = tests[~np.isnan(exposure[tests])]
        if not len(finished):
            message: str | None = failures.messages(columns.index[tests[:1]])[0].as_py()
            return message or "All tests failed."
        traded = finished[exposure[finished] > 0]
        if not len(traded):
            return "Nothing was traded."
        values = dict(zip(METRIC_NAMES, columns.metrics_at(traded[:1])[:, 0].tolist(), strict=True))
        return undefined_reasons(values)[metric.name].sentence

    return {symbol: why(symbol) for symbol in symbols}
