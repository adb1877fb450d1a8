"""The best test of each symbol, of those that pass the filters."""

import numpy as np

from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.query import ResultsQuery, column, select
from batches.results.ranking import best_position, that_traded
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Row


def best_rows(session: BatchSession, query: ResultsQuery) -> dict[str, Row | None]:
    """Return the best row of each symbol by the batch's own metric, None where no test passes."""
    if session.results and not (query.bounds or query.symbol or query.timeframe):
        found: dict[str, Row | None] = session.results.get("summary", {}).get("bestBySymbol", {})
        return found
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
