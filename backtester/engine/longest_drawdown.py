"""The longest drawdown of an equity that is a row of positions with cash between them, without a look at every bar.

A drawdown lasts from the newest peak to the first bar with an equity as high, or to the end. Which bars these are
matters only where the days of a whole position could make the longest drawdown longer: a few times in a test.
"""

import numpy as np

from backtester.engine.bits import TIE
from backtester.engine.compiling import inline, kernel
from backtester.engine.prices import Floats, Whole

# Columns of the table of positions, float64[n, N_HELD]; AFTER : the cash at bar LAST + 1, NaN where the position is
# turned round on that bar or there is none
FIRST, LAST, CASH, SHARES, HIGHEST, AFTER = range(6)
N_HELD = 6
BLOCK = 32  # bars that are looked over at once


@inline
def longest_within_nb(
    close: Floats, days: Whole, cash: float, shares: float, peak: int, last: int, longest: int
) -> tuple[int, int]:
    """Of a position from bar `peak`, its highest so far, to bar `last`: the longest drawdown, and the newest peak."""
    floor = (cash + shares * close[peak]) * (1.0 - TIE)
    for t in range(peak + 1, last + 1):
        equity = cash + shares * close[t]
        if equity >= floor:
            if t > peak + 1:
                longest = max(longest, days[t] - days[peak])
            peak = t
            floor = max(floor, equity * (1.0 - TIE))
    return longest, peak


def block_highs(close: Floats) -> Floats:
    """The highest close of each BLOCK bars, float64[n_blocks]."""
    highs: Floats = np.maximum.reduceat(close, np.arange(0, len(close), BLOCK))
    return highs


@inline
def first_peak_nb(close: Floats, highs: Floats, cash: float, shares: float, first: int, floor: float) -> int:
    """The first bar of a position, from `first` on, with an equity of `floor`; there is one."""
    t = first
    while cash + shares * close[t] < floor:
        t += 1
        while shares > 0.0 and t % BLOCK == 0 and cash + shares * highs[t // BLOCK] < floor:
            t += BLOCK
    return t


@inline
def newest_peak_nb(close: Floats, highs: Floats, held: Floats, top: int, unknown: int, floor: float) -> int:
    """The bar of the newest peak: `top`, or of the position `unknown` the newest bar with an equity of `floor`."""
    if unknown < 0:
        return top
    cash, shares, t = held[unknown, CASH], held[unknown, SHARES], int(held[unknown, LAST])
    while t > top and cash + shares * close[t] < floor:
        t -= 1
        while shares > 0.0 and t % BLOCK == BLOCK - 1 and cash + shares * highs[t // BLOCK] < floor:
            t -= BLOCK
    return t


@kernel
def longest_drawdown_nb(close: Floats, highs: Floats, days: Whole, held: Floats, n_held: int, capital: float) -> int:
    """Days of the longest drawdown, 0 without one.

    close : float64[n_bars]; highs : see `block_highs`; days : int64[n_bars]
    held : float64[., N_HELD], of which the first n_held rows count, in order of time
    """
    longest = 0
    peak, below = capital, False  # of the bar before the next position
    top, unknown = 0, -1  # the bar of the newest peak; or the first bar of the position where it is, and its number
    end = 0  # the first bar after the position before
    for k in range(n_held):
        first, last = int(held[k, FIRST]), int(held[k, LAST])
        cash, shares, highest, after = held[k, CASH], held[k, SHARES], held[k, HIGHEST], held[k, AFTER]
        floor = peak * (1.0 - TIE)  # a rounding below the peak is no drawdown
        if first > end and not below:
            top, unknown = first - 1, -1
        if highest >= floor:
            met = first
            if days[last] - days[top] > longest:
                top = newest_peak_nb(close, highs, held, top, unknown, floor)
                met = first_peak_nb(close, highs, cash, shares, first, floor)
                if below or met > first:
                    longest = max(longest, days[met] - days[top])
            top, unknown = met, k
            if days[last] - days[met] > longest:
                longest, top = longest_within_nb(close, days, cash, shares, met, last, longest)
                unknown = -1
            peak = max(peak, highest)
            floor = peak * (1.0 - TIE)
        below = cash + shares * close[last] < floor
        end = last + 1
        if after >= floor:
            if below and days[end] - days[top] > longest:
                longest = max(longest, days[end] - days[newest_peak_nb(close, highs, held, top, unknown, floor)])
            top, unknown, below = end, -1, False
            peak = max(peak, after)
        elif after < floor:  # and not NaN
            below = True
    if below:
        newest = newest_peak_nb(close, highs, held, top, unknown, peak * (1.0 - TIE))
        longest = max(longest, days[len(close) - 1] - days[newest])
    return longest
