"""Combinatorially symmetric cross-validation: is choosing the best row worth anything outside the sample?

Source: D. Bailey, J. Borwein, M. Lopez de Prado, Q. Zhu, The Probability of Backtest Overfitting, 2017. Rows are never
centered: demeaned noise gives a probability of 1.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.jit import inline, kernel
from backtester.engine.statistics.sharpe import FLAT
from backtester.engine.tolerance import VARIANCE

MOST_BLOCKS = 16


@lru_cache(maxsize=4)
def choose_splits(blocks: int, most: int, seed: int) -> Ints:
    """Return int64[n], the blocks of each in-sample half as bits: all choices, or random pairs of complements.

    blocks : even, at most MOST_BLOCKS; most : the greatest number of splits, even. Callers share the array
    """
    if math.comb(blocks, blocks // 2) <= most:
        halves = combinations(range(blocks), blocks // 2)
        return np.array([sum(1 << block for block in half) for half in halves], dtype=np.int64)
    # Of each pair of complements the one without the last block, so that a pair is drawn once.
    firsts = [sum(1 << block for block in half) for half in combinations(range(blocks - 1), blocks // 2)]
    chosen = np.random.RandomState(seed).permutation(len(firsts))[: most // 2]
    masks = np.array(firsts, dtype=np.int64)[np.sort(chosen)]
    return np.concatenate((masks, (1 << blocks) - 1 - masks))


@dataclass(eq=False)
class Winners:
    """The in-sample winner of each split, the first of equal ones.

    sharpe : float64[n], in the sample; index : int64[n], -1 before the first row
    outside : float64[n], the winner's Sharpe out of the sample; gain : float64[n], its mean return there
    """

    sharpe: Floats
    index: Ints
    outside: Floats
    gain: Floats

    @classmethod
    def none(cls, n: int) -> "Winners":
        return cls(np.full(n, -np.inf), np.full(n, -1, dtype=np.int64), np.zeros(n), np.zeros(n))

    def merge(self, other: "Winners") -> None:
        """Take the other's winners where they are better, or equal and first, or the same row measured again."""
        better = (other.sharpe > self.sharpe) | ((other.sharpe == self.sharpe) & (other.index <= self.index))
        better &= other.index >= 0
        for name in ("sharpe", "index", "outside", "gain"):
            getattr(self, name)[better] = getattr(other, name)[better]


@inline
def _subset_sums_nb(values: Floats, table: Floats) -> None:
    """Write the sum of each subset of the values to float64[2 ** len(values)]."""
    table[0] = 0.0
    for bit in range(len(values)):
        for mask in range(1 << bit):
            table[mask | (1 << bit)] = table[mask] + values[bit]


@inline
def _all_subsets_nb(row: Floats, tables: Floats) -> None:
    half = len(row) // 2
    _subset_sums_nb(row[:half], tables[0])
    _subset_sums_nb(row[half:], tables[1])


@kernel
def _sharpes_nb(bars: Floats, of: Ints, half: int, scale: float, tables: Floats, out: Floats) -> None:
    """Write the Sharpe ratio of a row over some choices of blocks to the last row of `out`, as `sharpe_of_sums_nb`.

    bars : float64[2, n], one over the bars of each choice, and one over those less one; NaN under two bars
    of : int64[n], the blocks of each choice as bits
    tables : float64[2, 2, 2 ** half], of the sums and squares of half the blocks each
    out : float64[3, n], the sums, the squares and the Sharpe ratios

    Two loops, because the compiler makes no vectors of one that looks up and divides: 1.6 times as fast.
    """
    sums, squares, sharpes = out[0], out[1], out[2]
    low, high, low_squares, high_squares = tables[0, 0], tables[0, 1], tables[1, 0], tables[1, 1]
    for at in range(len(of)):
        first, second = of[at] & ((1 << half) - 1), of[at] >> half
        sums[at] = low[first] + high[second]
        squares[at] = low_squares[first] + high_squares[second]
    one_over, one_over_less = bars[0], bars[1]
    for at in range(len(of)):
        mean = sums[at] * one_over[at]
        variance = (squares[at] - sums[at] * mean) * one_over_less[at]
        sharpe = scale * (mean / np.sqrt(variance))
        sharpes[at] = sharpe if variance > max(VARIANCE * (squares[at] * one_over[at]), FLAT) else 0.0


@inline
def _one_over_bars_nb(counts: Floats, of: Ints) -> Floats:
    """Return `bars` as `_sharpes_nb` needs them. counts : float64[blocks]"""
    bars = np.empty((2, len(of)))
    for at in range(len(of)):
        n = 0.0
        for block in range(len(counts)):
            n += counts[block] if of[at] >> block & 1 else 0.0
        bars[0, at] = 1.0 / n if n >= 2.0 else np.nan
        bars[1, at] = 1.0 / (n - 1.0) if n >= 2.0 else np.nan
    return bars


@kernel
def find_winners_nb(
    counts: Floats,
    sums: Floats,
    squares: Floats,
    scale: float,
    included: Bools,
    first: int,
    splits: Ints,
    sharpe: Floats,
    index: Ints,
    outside: Floats,
    gain: Floats,
) -> None:
    """Update the winners with the rows `first`, `first` + 1, ...

    counts : float64[blocks], bars; sums, squares : float64[rows, blocks] of returns; scale : of a Sharpe per bar
    included : bool[rows], whether the row takes part
    """
    rows, blocks = sums.shape
    others = (1 << blocks) - 1 - splits
    bars, other_bars = _one_over_bars_nb(counts, splits), _one_over_bars_nb(counts, others)
    tables, out, other = np.empty((2, 2, 1 << blocks // 2)), np.empty((3, len(splits))), np.empty((3, 1))
    for row in range(rows):
        if not included[row]:
            continue
        _all_subsets_nb(sums[row], tables[0])
        _all_subsets_nb(squares[row], tables[1])
        _sharpes_nb(bars, splits, blocks // 2, scale, tables, out)
        for at in range(len(splits)):
            if out[2, at] > sharpe[at]:
                sharpe[at], index[at] = out[2, at], first + row
                _sharpes_nb(other_bars[:, at : at + 1], others[at : at + 1], blocks // 2, scale, tables, other)
                outside[at] = other[2, 0]
                gain[at] = other[0, 0] * other_bars[0, at] if other_bars[0, at] > 0.0 else 0.0


@kernel
def count_below_nb(
    counts: Floats,
    sums: Floats,
    squares: Floats,
    scale: float,
    included: Bools,
    splits: Ints,
    outside: Floats,
    below: Ints,
    equal: Ints,
) -> None:
    """Add the rows that are below the winner, or equal to it, out of the sample of each split. Arrays as above."""
    rows, blocks = sums.shape
    others = (1 << blocks) - 1 - splits
    bars, tables = _one_over_bars_nb(counts, others), np.empty((2, 2, 1 << blocks // 2))
    out = np.empty((3, len(splits)))
    sharpes = out[2]
    for row in range(rows):
        if not included[row]:
            continue
        _all_subsets_nb(sums[row], tables[0])
        _all_subsets_nb(squares[row], tables[1])
        _sharpes_nb(bars, others, blocks // 2, scale, tables, out)
        for at in range(len(splits)):
            below[at] += sharpes[at] < outside[at]
            equal[at] += sharpes[at] == outside[at]


@dataclass(frozen=True, eq=False)
class Overfitting:
    """probability : share of the splits whose winner is in the lower half out of the sample (PBO)
    loss : share of the splits whose winner lost money there; logits : float64[splits]
    """

    probability: float
    loss: float
    logits: Floats


def overfitting(winners: Winners, below: Ints, equal: Ints, rows: int) -> Overfitting:
    """Return the probability of overfitting of so many rows. Equal rows share the mean of their ranks."""
    rank = below + (equal + 1) / 2.0
    share = rank / (rows + 1)
    logits = np.log(share / (1.0 - share))
    return Overfitting(float(np.mean(logits <= 0.0)), float(np.mean(winners.gain < 0.0)), logits)
