"""A heatmap as a table with words: what its picture shows, for those who read it, and without scripts.

A grid of more values than a table can hold is shown a window at a time, the one with the best cell first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from batches.formatting import count
from batches.formatting import metric as shown_metric
from batches.models import BatchSession
from batches.results.columns import Floats
from batches.results.heatmap import heatmap
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.panel_words import value_text
from batches.web.presenters import label_of, names_of

MOST_COLUMNS, MOST_ROWS = 15, 30
SHADES = 5
LEAST_RANGE = 3  # of two values, one is always at an end


@dataclass(frozen=True)
class Window:
    """The part of an axis that is shown. number : of the window, from 1"""

    name: str
    label: str
    texts: list[str]
    total: int
    number: int
    windows: int
    first: int

    @property
    def before(self) -> int:
        """The window before, 0 when there is none."""
        return self.number - 1

    @property
    def after(self) -> int:
        """The window after, 0 when there is none."""
        return self.number + 1 if self.number < self.windows else 0

    @property
    def words(self) -> str:
        """`Fast average 2 to 30: values 1–15 of 200`; "" where all of it is shown."""
        if self.windows == 1:
            return ""
        last = self.first + len(self.texts)
        return (
            f"{self.label} {self.texts[0]} to {self.texts[-1]}: values {self.first + 1}–{last} of {count(self.total)}"
        )


@dataclass(frozen=True)
class HeatmapTable:
    """rows : (text of y, cells); a cell is its text, and its shade from 1, the worst fifth, to 5, the best; else 0."""

    x: Window
    y: Window
    rows: list[tuple[str, list[tuple[str, int]]]]
    words: list[str]


def heatmap_table(session: BatchSession, choice: dict[str, Any], *, column: str = "", row: str = "") -> HeatmapTable:
    """choice : as the picture's (`pages.map_choice`); column, row : numbers of the windows, from 1, as asked for."""
    found = heatmap(session, **{name: choice[name] for name in ("x", "y", "metric", "symbol", "aggregate")})
    cells = np.array(found["values"], dtype=np.float64)
    cells = plateau(cells) if choice["near"] else cells
    metric = METRICS_BY_WIRE_NAME[found["metric"]]
    best = _best(cells, descending=metric.higher_is_better)
    x = _window(session, found["x"], column, MOST_COLUMNS, best[1] if best else 0)
    y = _window(session, found["y"], row, MOST_ROWS, best[0] if best else 0)
    shades = _shades(cells, descending=metric.higher_is_better)
    columns = range(x.first, x.first + len(x.texts))
    rows = [
        (text, [(shown_metric(_known(cells[at, c]), metric.unit), int(shades[at, c])) for c in columns])
        for at, text in enumerate(y.texts, start=y.first)
    ]
    return HeatmapTable(x, y, rows, _words(session, found, cells, best))


def plateau(cells: Floats) -> Floats:
    """Each cell as the median of itself and its neighbours, as `plateau` of heatmap-scale.js; empty ones stay empty."""
    rows, columns = cells.shape
    padded = np.pad(cells, 1, constant_values=np.nan)
    near = np.array([padded[r : r + rows, c : c + columns] for r in range(3) for c in range(3)])
    near.sort(axis=0)  # what is not a number comes last
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
    """Fifths of the way from the worst value to the best, 0 where there is none."""
    if np.isnan(cells).all():
        return np.zeros(cells.shape)
    low, high = np.nanmin(cells), np.nanmax(cells)
    best, worst = (high, low) if descending else (low, high)
    share = (cells - worst) / (best - worst) if high > low else np.where(np.isnan(cells), np.nan, 1.0)
    shades: Floats = np.nan_to_num(np.minimum(np.floor(share * SHADES) + 1, SHADES))
    return shades


def _window(session: BatchSession, axis: dict[str, Any], asked: str, most: int, best: int) -> Window:
    total = len(axis["values"])
    windows = -(-total // most)
    number = min(int(asked), windows) if asked.isascii() and asked.isdigit() and len(asked) < 6 else best // most + 1
    first = (max(number, 1) - 1) * most
    names = names_of(session)
    texts = [value_text(value, axis["name"], names) for value in axis["values"][first : first + most]]
    return Window(axis["name"], label_of(session, axis["name"]), texts, total, max(number, 1), windows, first)


def _words(session: BatchSession, found: dict[str, Any], cells: Floats, best: tuple[int, int] | None) -> list[str]:
    """What the picture says: from where to where it goes, its best cell, and whether that lies at an end."""
    metric, names = METRICS_BY_WIRE_NAME[found["metric"]], names_of(session)
    if best is None:
        return ["No finished test has a value here yet."]
    filled = int((~np.isnan(cells)).sum())
    low, high = (shown_metric(float(end), metric.unit) for end in (np.nanmin(cells), np.nanmax(cells)))
    axes = {axis["name"]: (axis, at) for axis, at in ((found["y"], best[0]), (found["x"], best[1]))}
    at = ", ".join(
        f"{label_of(session, name)} {value_text(axis['values'][place], name, names)}"
        for name, (axis, place) in axes.items()
    )
    tests = f"{found['aggregate']} of {count(found['tests'])} tests in {count(filled)} cells"
    words = [
        f"{metric.label}, {tests}: {low} to {high}.",
        f"The best cell, {shown_metric(float(cells[best]), metric.unit)}, is at {at}.",
    ]
    ends = [label_of(session, name) for name, (axis, place) in axes.items() if _at_an_end(axis["values"], place)]
    if ends:
        lies = "lies at the end of its range" if len(ends) == 1 else "lie at the ends of their ranges"
        words.append(f"There {' and '.join(ends)} {lies}; what is beyond was not tested.")
    return words


def _at_an_end(values: list[float], place: int) -> bool:
    return len(values) >= LEAST_RANGE and values[place] in (min(values), max(values))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
