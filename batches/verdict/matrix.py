"""Other lengths of the walk-forward windows: from sums over parts of the history, so that no test is replayed."""

from typing import Any

import numpy as np

from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.walk_forward import TESTS, TRAINS, Window
from batches.verdict.layout import Layout
from batches.verdict.paths import Paths
from batches.verdict.training import Training
from batches.verdict.work import Work


def windows_of(layout: Layout) -> list[Window]:
    """Return the windows of all cells, one cell after the other."""
    return [window for cell in layout.matrix for window in cell]


def add_cells(layout: Layout, work: Work, training: Training, start: int) -> None:
    """Keep the best test of each window in training, and what it does in the window after it."""
    for number, window in enumerate(windows_of(layout)):
        value, top = training.best(window)
        best, index = work.cells[:2, number]
        if value > best or (value == best > -np.inf and start + top < index):
            work.cells[:, number] = value, start + top, *training.tested(window, top)


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
