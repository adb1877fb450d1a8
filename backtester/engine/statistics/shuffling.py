"""The same sweep on the same days in random order: drift, costs and the search stay, only the order is lost.

Source: D. Aronson, Evidence-Based Technical Analysis, 2006; T. Masters, Permutation and Randomization Tests, 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtester.engine.arrays import Ints

ENOUGH = 10  # draws that do as well: the share is known well enough


def draw_order(n: int, seed: int, draw: int, block: int = 1) -> Ints:
    """Return a permutation of n days, int64[n]; block : days that stay together, which keeps volatile times whole."""
    stream = np.random.RandomState([seed, draw])
    if block == 1:
        return stream.permutation(n).astype(np.int64)
    starts = np.arange(0, n, block)
    parts = [np.arange(start, min(start + block, n)) for start in starts[stream.permutation(len(starts))]]
    return np.concatenate(parts).astype(np.int64)


def order_within(order: Ints, present: Ints) -> Ints:
    """Return the order of one symbol's days. order : of all days; present : the days of all that the symbol has.

    Symbols with the same days get the same order, so they stay correlated.
    """
    rank = np.full(len(order), -1, dtype=np.int64)
    rank[present] = np.arange(len(present))
    own = rank[order]
    return own[own >= 0]


@dataclass(frozen=True)
class ShuffleTest:
    """p : share of the draws that do as well as the best; draws : that count; stopped_early : after ENOUGH of them"""

    p: float
    draws: int
    stopped_early: bool


def shuffle_test(
    best: float, draws: Sequence[float], most: int, *, higher_is_better: bool = True
) -> ShuffleTest | None:
    """Return the result after the first draws, or None if more are needed.

    draws : the best value of each draw in order, NaN where none is defined. Stops at ENOUGH draws that do as well.
    Source: J. Besag, P. Clifford, Sequential Monte Carlo p-values, 1991.
    """
    sign = 1.0 if higher_is_better else -1.0
    reached = 0
    for number, value in enumerate(draws[:most], start=1):
        reached += sign * value >= sign * best
        if reached == ENOUGH:
            return ShuffleTest(ENOUGH / number, number, stopped_early=number < most)
    return ShuffleTest((1 + reached) / (most + 1), most, stopped_early=False) if len(draws) >= most else None
