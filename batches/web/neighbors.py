"""The combinations next to one: a robust result has neighbors that are nearly as good."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from batches.models import BatchSession
from batches.results.columns import ResultColumns, columns_of
from batches.sweep.wire_names import wire_name
from batches.sweep.wire_types import Row
from batches.web.labels import label_of


@dataclass(frozen=True)
class Neighbor:
    """A combination one step away on one axis, with its recorded row."""

    axis: str
    label: str
    index: int
    row: Row


def neighbors(session: BatchSession, index: int) -> list[Neighbor]:
    """Return the finished combinations one step away on each axis."""
    columns = columns_of(session)
    grid = columns.plan.grid
    first, last = grid.series_span(grid.series_of(index))
    decoded = grid.decode_many(np.arange(first, last))
    axes: dict[str, Any] = {wire_name(name): values for name, values in decoded.parameters.items()}
    if decoded.coefficient is not None:
        axes["coefficient"] = decoded.coefficient
    here = {name: values[index - first] for name, values in axes.items()}
    same = {name: values == here[name] for name, values in axes.items()}
    places: list[tuple[str, int]] = []
    for name, values in axes.items():
        others_same = [is_same for other, is_same in same.items() if other != name]
        line = np.logical_and.reduce(others_same or [values == values])
        steps = np.unique(values[line])
        at = int(np.searchsorted(steps, here[name]))
        values_near = [*steps[max(0, at - 1) : at], *steps[at + 1 : at + 2]]
        places += [(name, first + int(np.flatnonzero(line & (values == value))[0])) for value in values_near]
    rows = _finished_rows(columns, np.array([place for _, place in places], dtype=np.int64))
    return [Neighbor(name, label_of(session, name), place, rows[place]) for name, place in places if place in rows]


def at_the_end(session: BatchSession, parameters: dict[str, float]) -> list[str]:
    """Return the labels of the parameters at the first or the last value of their range."""
    ranges = session.request["parameterRanges"]
    return [
        label_of(session, name)
        for name, value in parameters.items()
        if len(ranges.get(name, ())) > 2 and value in (min(ranges[name]), max(ranges[name]))
    ]


def _finished_rows(columns: ResultColumns, indices: np.ndarray[Any, Any]) -> dict[int, Row]:
    if not len(indices) or not len(columns.index):
        return {}
    places = np.minimum(np.searchsorted(columns.index, indices), len(columns.index) - 1)
    rows = columns.rows(places[columns.index[places] == indices])
    return {row["index"]: row for row in rows}
