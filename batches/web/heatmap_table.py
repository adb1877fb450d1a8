"""A heatmap as a table with a summary, for screen readers and without scripts.

A grid that is larger than a table can show is shown a window at a time, first the one with the best cell.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats
from batches.formatting import count, counted
from batches.formatting import metric as metric_text
from batches.models import BatchSession
from batches.results.heatmap import heatmap
from batches.results.query import higher_is_better
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.labels import label_of, names_of
from batches.web.panel_words import value_text

MOST_COLUMNS, MOST_ROWS = 15, 30
SHADES = 5
LEAST_RANGE = 3  # values; of two, each is at an end


@dataclass(frozen=True)
class Window:
    """The part of an axis that is shown. number : of the window, from 1; first : index of its first value"""

    name: str
    label: str
    texts: list[str]
    total: int
    number: int
    windows: int
    first: int

    @property
    def before(self) -> int:
        """The number of the window before, 0 for none."""
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1 if self.number < self.windows else 0

    @property
    def words(self) -> str:
        """`Fast average 2 to 30: values 1–15 of 200`; "" when all of it is shown."""
        if self.windows == 1:
            return ""
        last = self.first + len(self.texts)
        return (
            f"{self.label} {self.texts[0]} to {self.texts[-1]}: values {self.first + 1}–{last} of {count(self.total)}"
        )


@dataclass(frozen=True)
class HeatmapTable:
    """rows : (text of y, cells). A cell is its text and its shade, 1 (worst fifth) to 5 (best); 0 for an empty one."""

    x: Window
    y: Window
    rows: list[tuple[str, list[tuple[str, int]]]]
    words: list[str]


def heatmap_table(session: BatchSession, choice: HeatmapChoice, *, column: str = "", row: str = "") -> HeatmapTable:
    """column, row : the requested windows, from 1, as text; invalid ones are replaced by the one with the best cell."""
    names = ("x", "y", "metric", "symbol", "timeframe", "aggregate")
    grid = heatmap(session, **{name: getattr(choice, name) for name in names}, **choice.bounds)
    cells = np.array(grid["values"], dtype=np.float64)
    cells = plateau(cells) if choice.near else cells
    descending = higher_is_better(grid["metric"], session.sort_by)
    unit = names_of(session)["metrics"][grid["metric"]]["unit"]
    best = _best(cells, descending=descending)
    x = _window(session, grid["x"], column, MOST_COLUMNS, best[1] if best else 0)
    y = _window(session, grid["y"], row, MOST_ROWS, best[0] if best else 0)
    shades = _shades(cells, descending=descending)
    columns = range(x.first, x.first + len(x.texts))
    counts = np.array(grid["counts"])
    rows = [
        (
            text,
            [(_cell_text(cells[at, c], counts[at, c], counts.max(), unit), int(shades[at, c])) for c in columns],
        )
        for at, text in enumerate(y.texts, start=y.first)
    ]
    return HeatmapTable(x, y, rows, _summary(session, grid, cells, best))


def plateau(cells: Floats) -> Floats:
    """Replace each cell by the median of itself and its neighbors, as `plateau` of heatmap-scale.js does."""
    rows, columns = cells.shape
    padded = np.pad(cells, 1, constant_values=np.nan)
    near = np.array([padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)])
    near.sort(axis=0)  # NaN sorts last
    n = np.maximum((~np.isnan(near)).sum(axis=0), 1)[np.newaxis]
    middle = (np.take_along_axis(near, (n - 1) // 2, 0) + np.take_along_axis(near, n // 2, 0))[0] / 2
    smooth: Floats = np.where(np.isnan(cells), np.nan, middle)
    return smooth


def _best(cells: Floats, *, descending: bool) -> tuple[int, int] | None:
    if np.isnan(cells).all():
        return None
    place = np.nanargmax(cells) if descending else np.nanargmin(cells)
    row, column = divmod(int(place), cells.shape[1])
    return row, column


def _shades(cells: Floats, *, descending: bool) -> Floats:
    """Return the fifth of the way from the worst value to the best, 1 to 5; 0 for empty cells."""
    if np.isnan(cells).all():
        return np.zeros(cells.shape)
    low, high = np.nanmin(cells), np.nanmax(cells)
    best, worst = (high, low) if descending else (low, high)
    share = (cells - worst) / (best - worst) if high > low else np.where(np.isnan(cells), np.nan, 1.0)
    shades: Floats = np.nan_to_num(np.minimum(np.floor(share * SHADES) + 1, SHADES))
    return shades


def _window(session: BatchSession, axis: dict[str, Any], requested: str, size: int, best: int) -> Window:
    total = len(axis["values"])
    windows = -(-total // size)
    is_number = requested.isascii() and requested.isdigit() and len(requested) < 6
    number = max(1, min(int(requested), windows)) if is_number else best // size + 1
    first = (number - 1) * size
    names = names_of(session)
    texts = [value_text(value, axis["name"], names) for value in axis["values"][first : first + size]]
    return Window(axis["name"], label_of(session, axis["name"]), texts, total, number, windows, first)


def _summary(session: BatchSession, grid: dict[str, Any], cells: Floats, best: tuple[int, int] | None) -> list[str]:
    """Return sentences on the range of the values, the best cell, and whether it is at an end of an axis."""
    if best is None:
        return ["No finished test has a value here."]
    names = names_of(session)
    label, unit = (names["metrics"][grid["metric"]][part] for part in ("label", "unit"))
    low, high = (metric_text(float(end), unit) for end in (np.nanmin(cells), np.nanmax(cells)))
    axes = {axis["name"]: (axis["values"], place) for axis, place in zip((grid["y"], grid["x"]), best, strict=True)}
    coordinates = ", ".join(
        f"{label_of(session, name)} {value_text(values[place], name, names)}" for name, (values, place) in axes.items()
    )
    filled = counted(int((~np.isnan(cells)).sum()), "cell")
    counts = np.array(grid["counts"])
    partial = int(((counts > 0) & (counts < counts.max())).sum())
    sentences = [
        f"{label}, {grid['aggregate']} of {counted(int(counts.sum()), 'test')} in {filled}: {low} to {high}.",
        f"The best cell, {metric_text(float(cells[best]), unit)}, is at {coordinates}.",
    ]
    if partial:
        sentences.append(f"{counted(partial, 'cell')} with fewer tests than the others.")
    ends = [label_of(session, name) for name, (values, place) in axes.items() if _at_an_end(values, place)]
    if ends:
        position = "is at the end of its range" if len(ends) == 1 else "are at the ends of their ranges"
        sentences.append(f"{' and '.join(ends)} {position}; values beyond were not tested.")
    return sentences


def _at_an_end(values: list[float], place: int) -> bool:
    return len(values) >= LEAST_RANGE and values[place] in (min(values), max(values))


def _cell_text(value: float, n_tests: int, most: int, unit: str) -> str:
    """`1.20`, or `1.20 (2 of 3)` where tests failed: a cell without its weakest symbol looks better than it is."""
    text = metric_text(None if np.isnan(value) else float(value), unit)
    return text if n_tests in (0, most) else f"{text} ({count(int(n_tests))} of {count(int(most))})"
