"""Two parameters against a metric, over the finished tests of a batch, also while it runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats, Ints
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.results.columns import ResultColumns, columns_of
from batches.results.holding import SORTABLE
from batches.results.query import ResultsQuery, check_timeframe, column, higher_is_better, select
from batches.results.windows import whole_field
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import JUDGED, wire_name
from batches.symbols import normalized
from batches.validators import nearest

OWN_FIELDS = ("x", "y", "metric", "aggregate", "cells")
FEWEST_CELLS, MOST_CELLS = 100, 10_000_000
MAPPED = (*SORTABLE, *JUDGED)  # metrics
AGGREGATES = ("best", "mean", "median")
# The defaults. The API's is part of the wire contract; on the page one lucky symbol must not decide a cell.
API_AGGREGATE, PAGE_AGGREGATE = "best", "median"


def heatmap(session: BatchSession, **query: str) -> dict[str, Any]:
    """Return the cells `values[row of y][column of x]`, None where no finished test has a value, and how many have one.

    query : x, y, metric, aggregate, cells, and the filters of a page of results: symbol, timeframe, bounds like
    `min.sharpe`. Defaults: the first parameter that is not the other axis, the batch's own metric, all tests,
    API_AGGREGATE, and a cell for each pair of values.
    """
    axes = {wire_name(name): values for name, values in plan_of(session).grid.axes.items()}
    x, y = _chosen_axes(query, list(axes))
    symbol, timeframe = normalized(query.get("symbol", "")), query.get("timeframe", "")
    metric, aggregate = query.get("metric") or session.sort_by, query.get("aggregate") or API_AGGREGATE
    _check("metric", metric, list(MAPPED))
    _check("aggregate", aggregate, list(AGGREGATES))
    columns = columns_of(session)
    check_timeframe(timeframe, columns.plan)
    if symbol:
        _check("symbol", symbol, list(columns.plan.grid.symbols))
    filters = {name: value for name, value in query.items() if name not in OWN_FIELDS}
    tests = _passing(session, columns, filters)
    values = column(columns, metric)[tests]
    most = whole_field(query, "cells", FEWEST_CELLS, MOST_CELLS)
    together_x, together_y = _together(len(axes[x]), len(axes[y]), most)
    n_x, n_y = -(-len(axes[x]) // together_x), -(-len(axes[y]) // together_y)
    cell = _places(axes[y], column(columns, y)[tests]) // together_y * n_x
    cell += _places(axes[x], column(columns, x)[tests]) // together_x
    counts = np.bincount(cell[~np.isnan(values)], minlength=n_x * n_y)
    descending = higher_is_better(metric, session.sort_by)
    cells = aggregated(cell, values, n_x * n_y, aggregate, descending=descending)
    if most is not None:
        cells = _four_digits(cells)
    return {
        "x": _axis(x, list(axes[x]), together_x),
        "y": _axis(y, list(axes[y]), together_y),
        "metric": metric,
        "symbol": symbol or None,
        "timeframe": timeframe or None,
        "aggregate": aggregate,
        "tests": len(values),
        "values": [[None if value != value else value for value in row] for row in cells.reshape(n_y, n_x).tolist()],
        "counts": counts.reshape(n_y, n_x).tolist(),
    }


def _chosen_axes(query: Mapping[str, str], names: list[str]) -> tuple[str, str]:
    x, y = query.get("x"), query.get("y")
    x = x or next((name for name in names if name != y), names[0])
    y = y or next((name for name in names if name != x), names[0])
    _check("x", x, names)
    _check("y", y, names)
    return x, y


def _together(n_x: int, n_y: int, most: int | None) -> tuple[int, int]:
    """Return how many neighboring values of each axis share a cell, so that there are at most `most` cells."""
    together_x = together_y = 1
    while most is not None and -(-n_x // together_x) * -(-n_y // together_y) > most:
        if n_x / together_x >= n_y / together_y:
            together_x += 1
        else:
            together_y += 1
    return together_x, together_y


def _axis(name: str, values: list[float], together: int) -> dict[str, Any]:
    if together == 1:
        return {"name": name, "values": values}
    groups = [values[at : at + together] for at in range(0, len(values), together)]
    return {"name": name, "values": [group[0] for group in groups], "cellValues": groups}


def _four_digits(values: Floats) -> Floats:
    """Round to four significant digits: a picture shows fewer, and the response is a quarter as long."""
    with np.errstate(divide="ignore"):
        scale = 10.0 ** (3 - np.floor(np.log10(np.abs(values))))
    rounded: Floats = np.where(np.isfinite(scale), np.round(values * scale) / scale, values)
    return rounded


def _passing(session: BatchSession, columns: ResultColumns, filters: dict[str, str]) -> Ints | slice:
    """Return the tests that pass the filters; a slice without bounds, which copies nothing."""
    query = ResultsQuery.parse(session, filters)
    if query.bounds or query.timeframe:
        return select(columns, query)
    return slice(*columns.span(columns.plan.grid.symbols.index(query.symbol))) if query.symbol else slice(None)


def aggregated(cell: Ints, values: Floats, n_cells: int, aggregate: str, *, descending: bool) -> Floats:
    """Return one value for each cell, float64[n_cells], NaN where there is none."""
    defined = ~np.isnan(values)
    cell, values = cell[defined], values[defined]
    result = np.full(n_cells, np.nan)
    if not len(cell):
        return result
    if aggregate == "mean":
        counts = np.bincount(cell, minlength=n_cells)
        sums = np.bincount(cell, weights=values, minlength=n_cells)
        np.divide(sums, counts, out=result, where=counts > 0)
        return result
    if aggregate == "best":
        (np.fmax if descending else np.fmin).at(result, cell, values)
        return result
    # Sixteen bits where they suffice: NumPy then sorts them in linear time.
    by_cell = np.argsort(cell.astype(np.uint16 if n_cells <= 65_536 else np.int64), kind="stable")
    cell, values = cell[by_cell], values[by_cell]
    starts = np.flatnonzero(np.concatenate(([True], cell[1:] != cell[:-1])))
    sizes = np.diff(np.concatenate((starts, [len(cell)])))
    for size in np.unique(sizes):  # few differ: every symbol has the same combinations
        same_size = starts[sizes == size]
        rows = np.sort(values[same_size[:, None] + np.arange(size)], axis=1)
        result[cell[same_size]] = (rows[:, (size - 1) // 2] + rows[:, size // 2]) / 2
    return result


def _places(axis: Any, values: Floats) -> Ints:
    """Return the position of each value on its axis, whose values are distinct but need not be sorted."""
    axis_values = np.asarray(axis, dtype=np.float64)
    by_value = np.argsort(axis_values)
    return by_value[np.searchsorted(axis_values[by_value], values)]


def _check(field: str, value: str, names: list[str]) -> None:
    if value not in names:
        message = f"{field} must be one of {', '.join(names[:40])}, got {value[:40]!r}.{nearest(value, names)}"
        raise InvalidRequest(Detail(field, message))
