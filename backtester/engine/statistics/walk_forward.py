"""What choosing again and again would have earned: optimize in one window, trade the next.

Source: R. Pardo, The Evaluation and Optimization of Trading Strategies, 2008.
"""

import math
from dataclasses import dataclass

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.statistics.sharpe import moments

MONTH = 21  # bars of a month of daily bars
SHORTEST_TEST = 63
PARTS = 12
TRAINS, TESTS = (6, 8, 10, 12), (1, 2, 3, 4)  # of a matrix, in halves of the default test window


@dataclass(frozen=True)
class Window:
    """Positions in the returns: train [start, train_end), then a gap, test [test_start, test_end)."""

    start: int
    train_end: int
    test_start: int
    test_end: int


def default_lengths(n: int) -> tuple[int, int]:
    """Return (train, test) in bars: twelve test windows in all months, and five times as long to train."""
    test = max(SHORTEST_TEST, MONTH * round(n / PARTS / MONTH))
    return 5 * test, test


def windows(n: int, train: int, test: int, *, gap: int = 0, anchored: bool = False) -> list[Window]:
    """Return the windows over n returns; a last shorter test window is kept. anchored : training starts at the first"""
    made = []
    end = train
    while end + gap < n:
        made.append(Window(0 if anchored else end - train, end, end + gap, min(end + gap + test, n)))
        end += test
    return made


def matrix_windows(n: int, test: int, *, gap: int = 0, anchored: bool = False) -> list[list[Window]]:
    """Return the windows of each cell of TRAINS times TESTS, those of one train length together.

    test : bars of the default test window. All edges are on one grid of half windows, so few sums serve all cells.
    """

    def bar(half: int) -> int:
        return half * test // 2

    cells = []
    for train in TRAINS:
        for step in TESTS:
            cell, first = [], 0
            while (end := bar(first + train)) + gap < n:
                test_end = min(bar(first + train + step) + gap, n)
                cell.append(Window(0 if anchored else bar(first), end, end + gap, test_end))
                first += step
            cells.append(cell)
    return cells if all(cells) else []


def single_split(n: int, share: float = 0.7, *, gap: int = 0) -> list[Window]:
    """Return one window: the first share of the returns to train, the rest to test."""
    end = int(share * n)
    return [Window(0, end, end + gap, n)] if 0 < end < end + gap < n or (0 < end < n and not gap) else []


@dataclass(frozen=True, eq=False)
class Stitched:
    """returns : float64[n], those of each window's pick in its test window, one after the other

    sharpe : per bar, NaN where undefined; total : gain over all of them; efficiency : mean return outside over mean
    return inside the sample, NaN unless the latter is above zero; positive : windows that gained
    """

    returns: Floats
    sharpe: float
    total: float
    efficiency: float
    positive: int


def stitch(inside: list[Floats], outside: list[Floats]) -> Stitched:
    """Join the test windows. inside, outside : the returns of each pick in its train and its test window"""
    returns = np.concatenate(outside)
    trained = np.concatenate(inside)
    before = float(trained.mean())
    return Stitched(
        returns,
        moments(returns).sharpe,
        float(np.prod(1.0 + returns) - 1.0),
        float(returns.mean()) / before if before > 0.0 else math.nan,
        sum(float(np.prod(1.0 + part)) > 1.0 for part in outside),
    )


def switch_bars(before: Floats, after: Floats) -> float:
    """Return the traded share of equity when one path replaces another: |difference| at the first bar that differs.

    before, after : float64[n], exposure of the two picks over the new window
    """
    different = np.flatnonzero(np.abs(after - before) > 1e-12)
    return float(abs(after[different[0]] - before[different[0]])) if different.size else 0.0
