"""The order of results: undefined values last, ties by index, so that the order of merging does not matter."""

from collections.abc import Iterable

import numpy as np

from backtester.engine import Metric
from backtester.engine.arrays import Floats, Ints
from batches.results.columns import ResultColumns
from batches.sweep.wire_types import Row


def first_in_order(values: Floats, count: int, *, descending: bool) -> Ints:
    """Return the first `count` positions in sorted order, those of undefined values last in either direction.

    A page near the front is found without a full sort.
    """
    keys = -values if descending else values
    if count < len(keys) // 4:
        limit = np.partition(keys, count - 1)[count - 1]
        if limit == limit:  # else undefined values are on the page, and they compare with nothing
            candidates = np.flatnonzero(keys <= limit)
            return candidates[np.argsort(keys[candidates], kind="stable")][:count]
    return np.argsort(keys, kind="stable")[:count]


def that_traded(values: Floats, exposure: Floats) -> Floats:
    """Return the values without those of tests that never held a position: doing nothing does not win."""
    traded: Floats = np.where(exposure > 0, values, np.nan)
    return traded


def ranked(columns: ResultColumns, metric: Metric) -> Floats:
    """Return the values of a metric that can win, float64[n], NaN for the other tests."""
    return that_traded(columns.metric(metric.name), columns.metric("exposure"))


def best(values: Floats, count: int, *, descending: bool) -> Ints:
    """Return the positions of the `count` best defined values."""
    first = first_in_order(values, count, descending=descending)
    return first[~np.isnan(values[first])]


def best_position(values: Floats, metric: Metric) -> int | None:
    """Return the position of the best defined value, the first of equal ones."""
    top = best(values, 1, descending=metric.higher_is_better)
    return int(top[0]) if len(top) else None


def best_by_symbol(columns: ResultColumns, metric: Metric) -> dict[str, int | None]:
    """Return the position of the best finished test of each symbol, None if no value is defined."""
    values = ranked(columns, metric)
    positions: dict[str, int | None] = {}
    for number, symbol in enumerate(columns.plan.grid.symbols):
        first, last = columns.span(number)
        position = best_position(values[first:last], metric)
        positions[symbol] = None if position is None else first + position
    return positions


def better_first(rows: Iterable[Row], wire_metric: str, *, descending: bool) -> list[Row]:
    """Return the rows with a defined value, best first, ties by index."""

    def key(row: Row) -> tuple[float, int]:
        value: float = row[wire_metric]  # type: ignore[literal-required]
        return -value if descending else value, row["index"]

    return sorted((row for row in rows if row[wire_metric] is not None), key=key)  # type: ignore[literal-required]
