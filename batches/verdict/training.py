"""The best test of each walk-forward window in training, for some tests: many windows train on the same bars."""

import numpy as np

from backtester.engine.arrays import Bools
from backtester.engine.statistics.partitions import best_in_nb
from backtester.engine.statistics.walk_forward import Window
from batches.verdict.layout import Layout, Prefix


class Training:
    """number : of their series; scale : of a Sharpe ratio per bar; defined : bool[n], the tests that may be picked"""

    def __init__(self, layout: Layout, number: int, prefix: Prefix, scale: float, defined: Bools) -> None:
        self.layout, self.number, self.prefix, self.scale, self.defined = layout, number, prefix, scale, defined
        self.known: dict[tuple[int, int], tuple[float, int]] = {}

    def best(self, window: Window) -> tuple[float, int]:
        """Return the highest Sharpe ratio in training, and the first test that has it.

        -inf if there is none, and where the series has less than half of the window.
        """
        if not self.layout.covers(self.number, window):
            return -np.inf, 0
        bars = window.start, window.train_end
        if bars not in self.known:
            prefix, (first, last) = self.prefix, (int(self.layout.at(bar)) for bar in bars)
            self.known[bars] = best_in_nb(
                self.scale, float(prefix.bars[last] - prefix.bars[first]), prefix.sums[last], prefix.sums[first],
                prefix.squares[last], prefix.squares[first], self.defined,
            )  # fmt: skip
        return self.known[bars]

    def tested(self, window: Window, test: int) -> tuple[float, float, float]:
        """Return bars, sum and sum of squares of a test in the window that follows."""
        prefix, first, last = self.prefix, *(int(self.layout.at(bar)) for bar in (window.test_start, window.test_end))
        sums, squares = (float(of[last, test] - of[first, test]) for of in (prefix.sums, prefix.squares))
        return float(prefix.bars[last] - prefix.bars[first]), sums, squares
