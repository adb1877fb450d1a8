"""The longest drawdown of an equity that is a row of positions with cash between them, without a look at every bar.

A drawdown lasts from the newest peak to the first bar with an equity as high, or to the end. Which bars these are
matters only where the days of a whole position could make the longest drawdown longer: a few times in a test.
"""

import numpy as np

from backtester.engine.arrays import Floats, Ints
from backtester.engine.bitmasks import TIE
from backtester.engine.jit import inline, kernel
from backtester.engine.range_tables import BLOCK, range_extremes_nb

# Columns of the table of the positions that reach a peak, float64[n, N_HELD]; row 0 is the capital before them and has
# only NEXT. AFTER : the cash at bar LAST + 1, NaN where the position is turned round on that bar or there is none
# NEXT : the first bar of the next position, peak or not, or n_bars
FIRST, LAST, CASH, SHARES, HIGHEST, AFTER, NEXT = range(7)
N_HELD = 7


@inline
def first_peak_nb(close: Floats, highs: Floats, cash: float, shares: float, first: int, last: int, floor: float) -> int:
    """The first of a position's bars first .. last with an equity of `floor`, else last + 1."""
    t = first
    while t <= last and cash + shares * close[t] < floor:
        t += 1
        while shares > 0.0 and t % BLOCK == 0 and t <= last and cash + shares * highs[t // BLOCK] < floor:
            t += BLOCK
    return min(t, last + 1)


@inline
def last_peak_nb(close: Floats, highs: Floats, cash: float, shares: float, first: int, last: int, floor: float) -> int:
    """The last of a position's bars first .. last with an equity of `floor`, else first."""
    t = last
    while t > first and cash + shares * close[t] < floor:
        t -= 1
        while shares > 0.0 and t % BLOCK == BLOCK - 1 and t > first and cash + shares * highs[t // BLOCK] < floor:
            t -= BLOCK
    return max(t, first)


@inline
def longest_within_nb(
    close: Floats,
    extremes: Floats,
    highs: Floats,
    days: Ints,
    cash: float,
    shares: float,
    peak: int,
    last: int,
    longest: int,
) -> tuple[int, int]:
    """Of a position from bar `peak`, its highest so far, to bar `last`: the longest drawdown, and a peak.

    The newest one may come later, where no drawdown can become longer.
    """
    highest = cash + shares * close[peak]
    while days[last] - days[peak] > longest:
        near = peak  # drawdowns that end by this bar are not longer: of its peaks only the newest matters
        if shares > 0.0 and longest > 0:
            near = np.searchsorted(days, days[peak] + longest, side="right") - 1
        if near > peak:
            high, _, _ = range_extremes_nb(close, extremes, peak + 1, near)
            if cash + shares * high >= highest * (1.0 - TIE):
                highest = max(highest, cash + shares * high)
                peak = last_peak_nb(close, highs, cash, shares, peak + 1, near, highest * (1.0 - TIE))
                continue
        t = first_peak_nb(close, highs, cash, shares, near + 1, last, highest * (1.0 - TIE))
        if t > last:
            break
        if t > peak + 1:
            longest = max(longest, days[t] - days[peak])
        peak = t
        highest = max(highest, cash + shares * close[t])
    return longest, peak


@inline
def newest_peak_nb(close: Floats, highs: Floats, held: Floats, top: int, unknown: int, floor: float) -> int:
    """The bar of the newest peak: `top`, or of the position `unknown` the newest bar with an equity of `floor`."""
    if unknown < 0:
        return top
    return last_peak_nb(close, highs, held[unknown, CASH], held[unknown, SHARES], top, int(held[unknown, LAST]), floor)


@inline
def at_least_nb(days: Ints, held: Floats, n_held: int, capital: float) -> int:
    """Days that the longest drawdown lasts at least: from the end of one position to the beginning of another."""
    longest = 0
    peak = capital
    top = int(held[0, NEXT]) - 1  # no peak is newer
    for k in range(1, n_held):
        first = int(held[k, FIRST])
        if held[k, HIGHEST] >= peak * (1.0 - TIE):
            if first > top + 1:
                longest = max(longest, days[first] - days[top])
            top = int(held[k, LAST])
            peak = max(peak, held[k, HIGHEST])
        if held[k, AFTER] >= peak * (1.0 - TIE):
            top = int(held[k, NEXT]) - 1
            peak = max(peak, held[k, AFTER])
    if len(days) > top + 1:
        longest = max(longest, days[-1] - days[top])
    return longest


@kernel
def longest_drawdown_nb(
    close: Floats, extremes: Floats, highs: Floats, days: Ints, held: Floats, n_held: int, capital: float
) -> int:
    """Days of the longest drawdown, 0 without one.

    close : float64[n_bars]; extremes, highs : see `RangeTables`; days : int64[n_bars]
    held : float64[., N_HELD], of which the first n_held rows count, in order of time
    """
    n_bars = len(close)
    longest = at_least_nb(days, held, n_held, capital)
    peak = capital
    following = int(held[0, NEXT])
    top, unknown = following - 1, -1  # the bar of the newest peak; or a bar before it, and the position where it is
    below = False  # on the bar before the next position
    for k in range(1, n_held):
        first, last = int(held[k, FIRST]), int(held[k, LAST])
        cash, shares, highest, after = held[k, CASH], held[k, SHARES], held[k, HIGHEST], held[k, AFTER]
        floor = peak * (1.0 - TIE)  # a rounding below the peak is no drawdown
        below = below or following < first  # by a position between that reached no peak
        if highest >= floor:
            met = first
            if days[last] - days[top] > longest:
                top = newest_peak_nb(close, highs, held, top, unknown, floor)
                met = first_peak_nb(close, highs, cash, shares, first, last, floor)
                if below or met > first:
                    longest = max(longest, days[met] - days[top])
            top, unknown = met, k
            if days[last] - days[met] > longest:
                longest, top = longest_within_nb(close, extremes, highs, days, cash, shares, met, last, longest)
            peak = max(peak, highest)
            floor = peak * (1.0 - TIE)
        below = cash + shares * close[last] < floor or after < floor
        following = int(held[k, NEXT])
        if after >= floor:
            if cash + shares * close[last] < floor and days[last + 1] - days[top] > longest:
                newest = newest_peak_nb(close, highs, held, top, unknown, floor)
                longest = max(longest, days[last + 1] - days[newest])
            top, unknown, below = following - 1, -1, False
            peak = max(peak, after)
    if below or following < n_bars:
        newest = newest_peak_nb(close, highs, held, top, unknown, peak * (1.0 - TIE))
        longest = max(longest, days[n_bars - 1] - days[newest])
    return longest
