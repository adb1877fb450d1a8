"""The combinations next to one: a good result has good neighbours."""

from typing import Any

import numpy as np

from batches.models import BatchSession
from batches.results.columns import Columns, columns_of
from batches.sweep.wire_names import wire_name
from batches.web.presenters import label_of


def neighbours(session: BatchSession, index: int) -> list[dict[str, Any]]:
    """The combinations one step away on each axis, with their recorded rows: a good result has good neighbours."""
    columns = columns_of(session)
    grid = columns.plan.grid
    first, last = grid.span(grid.symbols.index(grid.decode(index).symbol))
    decoded = grid.decode_many(np.arange(first, last))
    axes: dict[str, Any] = {wire_name(name): values for name, values in decoded.parameters.items()}
    if decoded.coefficient is not None:
        axes["coefficient"] = decoded.coefficient
    here = {name: values[index - first] for name, values in axes.items()}
    same = {name: values == here[name] for name, values in axes.items()}
    found = []
    for name, values in axes.items():
        others = np.logical_and.reduce([each for other, each in same.items() if other != name] or [values == values])
        line = np.unique(values[others])
        at = int(np.searchsorted(line, here[name]))
        for step in (at - 1, at + 1):
            if 0 <= step < len(line):
                place = first + int(np.flatnonzero(others & (values == line[step]))[0])
                found.append({"axis": name, "label": label_of(session, name), "index": place})
    return _with_rows(columns, found)


def at_the_end(session: BatchSession, parameters: dict[str, float]) -> list[str]:
    """The labels of those that stand at the first or the last value of their range: beyond it nothing was tested."""
    ranges = session.request["parameterRanges"]
    return [
        label_of(session, name)
        for name, value in parameters.items()
        if len(ranges.get(name, ())) > 2 and value in (min(ranges[name]), max(ranges[name]))
    ]


def _with_rows(columns: Columns, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those whose tests are finished, with their rows."""
    if not found or not len(columns.index):
        return []
    wanted = np.array([each["index"] for each in found])
    places = np.minimum(np.searchsorted(columns.index, wanted), len(columns.index) - 1)
    known = columns.index[places] == wanted
    rows = iter(columns.rows(places[known]))
    return [each | {"row": next(rows)} for each, is_known in zip(found, known.tolist(), strict=True) if is_known]
