"""Other lengths of the walk-forward windows: from sums over parts of the history, so that no test is replayed."""

from typing import Any

import numpy as np

from backtester.engine.arrays import Bools
from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.walk_forward import TESTS, TRAINS, Window
from batches.verdict.layout import Layout, Prefix
from batches.verdict.paths import Paths
from batches.verdict.work import Work


def windows_of(layout: Layout) -> list[Window]:
    """Return the windows of all cells, one cell after the other."""
    return [window for cell in layout.matrix for window in cell]


def add_cells(layout: Layout, work: Work, prefix: Prefix, scale: float, defined: Bools, start: int) -> None:
    """Keep the best test of each window in training, and what it does in the window after it."""
    for number, window in enumerate(windows_of(layout)):
        first, last, test_first, test_last = layout.at(
            np.array([window.start, window.train_end, window.test_start, window.test_end])
        ).tolist()
        values = scale * sharpe_of_sums(*prefix.over(first, last))
        values = np.where(defined & np.isfinite(values), values, -np.inf)
        top = int(np.argmax(values))
        if values[top] > work.cells[0, number] or (
            values[top] == work.cells[0, number] > -np.inf and start + top < work.cells[1, number]
        ):
            bars, sums, squares = (column[top] for column in prefix.over(test_first, test_last))
            work.cells[:, number] = values[top], start + top, bars, sums, squares


def matrix(layout: Layout, work: Work, paths: Paths) -> dict[str, Any] | None:
    """Return the Sharpe ratio out of sample of each cell, train by test; None if the history has no cells."""
    if not layout.matrix:
        return None
    values, number = [], 0
    for cell in layout.matrix:
        some = work.cells[:, number : number + len(cell)]
        number += len(cell)
        picked = some[:, some[1] >= 0]
        bars, sums, squares = picked[2:].sum(axis=1)
        if bars < 2:
            values.append(np.nan)
            continue
        periods = layout.series[paths.number(int(picked[1, 0]))].periods_per_year
        one = np.array([sums]), np.array([squares])
        values.append(float(np.sqrt(periods) * sharpe_of_sums(np.array([bars]), *one)[0]))
    sharpes = np.array(values).reshape(len(TRAINS), len(TESTS))
    lengths = [cell[0] for cell in layout.matrix]
    return {
        "train": [window.train_end - window.start for window in lengths[:: len(TESTS)]],
        "test": [window.test_end - window.test_start for window in lengths[: len(TESTS)]],
        "sharpe": [[None if np.isnan(value) else value for value in row] for row in sharpes.tolist()],
        "median": None if np.isnan(sharpes).all() else float(np.nanmedian(sharpes)),
    }
