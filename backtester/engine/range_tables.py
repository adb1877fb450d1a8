"""Sums and extremes of any range of bars in constant time.

A trade of a signal strategy is a range of bars. The metrics need its sums of returns (prefix sums), and its highest
close, lowest close and deepest fall (a disjoint sparse table: unlike the usual one it covers a range without overlap,
which the deepest fall requires).
"""

from functools import lru_cache

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.bitmasks import highest_bit_nb
from backtester.engine.jit import inline, kernel
from backtester.engine.prices import Prices

N_SUMS = 6  # returns, squared returns, squared losses; each as a sum and the rounding error kept aside
N_EXTREMES = 4  # highest close, lowest close, lowest ratio of a close to an earlier one; the fourth fills a cache line
BLOCK = 32  # bars that share one entry of `highs`


class RangeTables:
    """sums : float64[n_bars, N_SUMS], prefix sums up to and including each bar
    extremes : float64[n_levels, n_bars, N_EXTREMES], see `range_extremes_nb`
    highs : float64[n_blocks], the highest close of each BLOCK bars
    """

    def __init__(self, prices: Prices) -> None:
        n_bars = prices.n_bars
        self.sums = np.zeros((n_bars, N_SUMS))
        self.extremes = np.zeros((max(1, (n_bars - 1).bit_length()), n_bars, N_EXTREMES))
        self.highs: Floats = np.maximum.reduceat(prices.close, np.arange(0, n_bars, BLOCK))
        fill_sums_nb(prices.close, self.sums)
        fill_extremes_nb(prices.close, self.extremes)


@lru_cache(maxsize=4)
def range_tables(prices: Prices) -> RangeTables:
    """Return the tables of some prices. The last few are cached (4 MB each): slices of one symbol follow each other."""
    return RangeTables(prices)


@inline
def _add_nb(sums: Floats, t: int, column: int, value: float) -> None:
    """Prefix sum in two doubles (Knuth's two-sum): the difference of two prefixes keeps all its digits."""
    before = sums[t - 1, column]
    total = before + value
    back = total - before
    sums[t, column] = total
    sums[t, column + 1] = sums[t - 1, column + 1] + ((before - (total - back)) + (value - back))


@kernel
def fill_sums_nb(close: Floats, sums: Floats) -> None:
    sums[0] = 0.0
    for t in range(1, len(close)):
        r = close[t] / close[t - 1] - 1.0
        down = min(r, 0.0)
        _add_nb(sums, t, 0, r)
        _add_nb(sums, t, 2, r * r)
        _add_nb(sums, t, 4, down * down)


@kernel
def fill_extremes_nb(close: Floats, extremes: Floats) -> None:
    """On level k, blocks of 2 ** (k + 1) bars: entry t holds the range between t and the middle of its block."""
    n_bars = len(close)
    for level in range(extremes.shape[0]):
        half = 1 << level
        for middle in range(half, n_bars + half, 2 * half):
            high, low, fall = 0.0, np.inf, 1.0
            for t in range(min(middle, n_bars) - 1, middle - half - 1, -1):
                high = max(high, close[t])
                fall = min(fall, low / close[t])
                low = min(low, close[t])
                extremes[level, t, 0] = high
                extremes[level, t, 1] = low
                extremes[level, t, 2] = fall
            high, low, fall = 0.0, np.inf, 1.0
            for t in range(middle, min(middle + half, n_bars)):
                high = max(high, close[t])
                low = min(low, close[t])
                fall = min(fall, close[t] / high)
                extremes[level, t, 0] = high
                extremes[level, t, 1] = low
                extremes[level, t, 2] = fall


@inline
def range_extremes_nb(close: Floats, extremes: Floats, first: int, last: int) -> tuple[float, float, float]:
    """Highest close, lowest close, and lowest close / earlier close, over the bars first .. last, both included."""
    if first == last:
        return close[first], close[first], 1.0
    level = highest_bit_nb(np.uint64(first ^ last))
    left_high, left_low, left_fall = extremes[level, first, 0], extremes[level, first, 1], extremes[level, first, 2]
    high, low, fall = extremes[level, last, 0], extremes[level, last, 1], extremes[level, last, 2]
    fall = min(min(left_fall, fall), low / left_high)
    return max(left_high, high), min(left_low, low), fall


@inline
def range_sum_nb(sums: Floats, after: int, last: int, column: int) -> float:
    """The sum over the bars after + 1 .. last."""
    total: float = (sums[last, column] - sums[after, column]) + (sums[last, column + 1] - sums[after, column + 1])
    return total
