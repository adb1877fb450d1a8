"""The peak of a batch and its best plateau on the grid of two parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from batches.models import BatchSession
from batches.results.heatmap import heatmap
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.labels import label_of, names_of
from batches.web.panel_words import value_text

MOST_CELLS = 4_000
SHADES = 5
WIDTH, TALLEST = 480.0, 300.0


@dataclass(frozen=True)
class PlateauMap:
    """cells : (x, y, shade from 1, the worst fifth); marks : name -> (x, y) of its cell

    axes : (label, first value, last value) of x and y; table : the query string of the same as a table
    """

    cells: list[tuple[float, float, int]]
    cell: tuple[float, float]
    height: float
    marks: dict[str, tuple[float, float]]
    axes: list[tuple[str, str, str]]
    table: str

    width = WIDTH


def plateau_map(session: BatchSession, verdict: Mapping[str, Any]) -> PlateauMap | None:
    """Return the map of the best row's symbol; None without two parameters of several values, or with too many cells.

    A cell is the median over the other parameters.
    """
    grid = plan_of(session).grid
    names = [name for name, values in grid.axes.items() if len(values) > 1][:2]
    if len(names) < 2 or not verdict["best"] or not verdict["plateau"]:
        return None
    y_name, x_name = names
    if len(grid.axes[x_name]) * len(grid.axes[y_name]) > MOST_CELLS:
        return None
    peak = plan_of(session).identity(verdict["best"]["index"])
    top = plan_of(session).identity(verdict["plateau"]["index"])
    answer = heatmap(session, x=wire_name(x_name), y=wire_name(y_name), symbol=peak["symbol"], aggregate="median")
    values = np.array(answer["values"], dtype=np.float64)
    rows, columns = values.shape
    cell = WIDTH / columns, min(WIDTH / columns, TALLEST / rows)
    height = rows * cell[1]

    def place(row: int, column: int) -> tuple[float, float]:
        return round(column * cell[0], 2), round(height - (row + 1) * cell[1], 2)

    marks = {
        name: place(*(list(grid.axes[axis]).index(row["parameters"][wire_name(axis)]) for axis in (y_name, x_name)))
        for name, row in {"plateau": top, "peak": peak}.items()
        if row["symbol"] == peak["symbol"]
    }
    shaded = shades(values, higher_is_better=METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better)
    axes = []
    for axis in (x_name, y_name):
        first, last = (value_text(grid.axes[axis][at], wire_name(axis), names_of(session)) for at in (0, -1))
        axes.append((label_of(session, wire_name(axis)), first, last))
    return PlateauMap(
        cells=[
            (*place(row, column), int(shaded[row, column]))
            for row in range(rows)
            for column in range(columns)
            if shaded[row, column]
        ],
        cell=(round(cell[0], 2), round(cell[1], 2)),
        height=round(height, 1),
        marks=marks,
        axes=axes,
        table=f"x={wire_name(x_name)}&y={wire_name(y_name)}&symbol={peak['symbol']}&metric={session.sort_by}",
    )


def shades(values: Any, *, higher_is_better: bool = True) -> Any:
    """Return the fifth of each cell from 1, the worst; 0 where it has no value."""
    sign = 1.0 if higher_is_better else -1.0
    defined = np.isfinite(values)
    fifths = np.zeros(values.shape, dtype=int)
    if defined.any():
        limits = np.quantile(sign * values[defined], np.arange(1, SHADES) / SHADES)
        fifths[defined] = 1 + np.searchsorted(limits, sign * values[defined])
    return fifths
