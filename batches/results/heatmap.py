"""Two parameters against a metric, over the finished tests of a batch, also while it runs."""

from typing import Any

import numpy as np

from backtester.engine.arrays import Floats, Ints
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.query import column
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.validators import nearest

AGGREGATES = ("best", "mean", "median")
# The defaults. The API's is part of the wire contract; on the page one lucky symbol must not decide a cell.
API_AGGREGATE, PAGE_AGGREGATE = "best", "median"


def heatmap(
    session: BatchSession, *, x: str = "", y: str = "", metric: str = "", symbol: str = "", aggregate: str = ""
) -> dict[str, Any]:
    """Return the cells `values[row of y][column of x]`, None where no finished test has a value.

    Defaults: the first parameter that is not the other axis, the batch's own metric, all symbols, API_AGGREGATE.
    """
    axes = {wire_name(name): values for name, values in plan_of(session).grid.axes.items()}
    names = list(axes)
    x = x or next((name for name in names if name != y), names[0])
    y = y or next((name for name in names if name != x), names[0])
    symbol = symbol.strip().upper()
    metric, aggregate = metric or session.sort_by, aggregate or API_AGGREGATE
    _check("x", x, names)
    _check("y", y, names)
    _check("metric", metric, list(METRICS_BY_WIRE_NAME))
    _check("aggregate", aggregate, list(AGGREGATES))
    columns = columns_of(session)
    first, last = 0, len(columns.index)
    if symbol:
        _check("symbol", symbol, list(columns.plan.grid.symbols))
        first, last = columns.span(columns.plan.grid.symbols.index(symbol))
    values = column(columns, metric)[first:last]
    cell = _places(axes[y], column(columns, y)[first:last]) * len(axes[x])
    cell += _places(axes[x], column(columns, x)[first:last])
    descending = METRICS_BY_WIRE_NAME[metric].higher_is_better
    cells = aggregated(cell, values, len(axes[x]) * len(axes[y]), aggregate, descending=descending)
    return {
        "x": {"name": x, "values": list(axes[x])},
        "y": {"name": y, "values": list(axes[y])},
        "metric": metric,
        "symbol": symbol or None,
        "aggregate": aggregate,
        "tests": last - first,
        "values": [
            [None if value != value else value for value in row] for row in cells.reshape(len(axes[y]), -1).tolist()
        ],
    }


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
