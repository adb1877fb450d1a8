"""Sums and extremes of any range of bars within one block, in constant time.

A held position is a range of bars. Its sums of returns are differences of prefix sums; its highest and lowest close and
its deepest fall come from a disjoint sparse table, which covers a range without overlap, as the deepest fall requires.
"""

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.bitmasks import highest_bit_nb
from backtester.engine.jit import inline, kernel, leaf
from backtester.engine.tolerance import loss_nb

BLOCK = 576  # bars that go through all combinations before the next: the tables below stay in the second-level cache
POINTS = BLOCK + 1  # point 0 is the last bar of the block before
LEVELS = 10
# Rows of the table of points, float64[N_POINT_ROWS, POINTS]: close, day; of fills the price, what a share costs and
# brings, and the shares that one of cash buys or sells short; prefix sums of returns, of their squares and of squared
# losses.
CLOSE, DAY, FILL, BUY, SELL, BOUGHT, SOLD, R, SQUARE, DOWN = range(10)
N_POINT_ROWS = 10
# Columns of the table of turns, float64[POINTS, N_TURNS], of long positions with all cash: the return, its square and
# its squared loss where one is opened, and where one is closed; BOUGHT and SELL.
IN_R, IN_SQUARE, IN_DOWN, OUT_R, OUT_SQUARE, OUT_DOWN, TURN_IN, TURN_OUT = range(8)
N_TURNS = 8
HIGH, LOW, FALL, RISE, TOP, BOTTOM = range(6)  # TOP, BOTTOM : the last point of the highest and of the lowest close
N_EXTREMES = 8  # a line of the cache
LINE = 8  # doubles in a line of the cache


@kernel
def table_nb(n_rows: int, n_columns: int) -> Floats:
    """Return zeros, float64[n_rows, n_columns], that begin with a line of the cache.

    A vector that crosses two lines is read in twice the time.
    """
    flat = np.zeros(n_rows * n_columns + LINE)
    first = -(flat.ctypes.data // flat.itemsize) % LINE
    return flat[first : first + n_rows * n_columns].reshape((n_rows, n_columns))


@leaf
def fill_points_nb(
    close: Floats, fill: Floats, days: Floats, fees: float, slippage: float, start: int, last: int, points: Floats
) -> None:
    """Write the bars start .. last as points 0 .. last - start; prefix sums begin after point 0."""
    dearer, cheaper = 1.0 + slippage, 1.0 - slippage
    for i in range(last - start + 1):
        raw = fill[start + i]
        points[CLOSE, i], points[DAY, i], points[FILL, i] = close[start + i], days[start + i], raw
        points[BUY, i], points[SELL, i] = raw * dearer * (1.0 + fees), raw * cheaper * (1.0 - fees)
        points[BOUGHT, i], points[SOLD, i] = 1.0 / (raw * dearer * (1.0 + fees)), 1.0 / (raw * cheaper * (1.0 + fees))
    points[R, 0] = points[SQUARE, 0] = points[DOWN, 0] = 0.0
    for i in range(1, last - start + 1):
        r = points[CLOSE, i] / points[CLOSE, i - 1] - 1.0
        down = loss_nb(r)
        points[R, i] = points[R, i - 1] + r
        points[SQUARE, i] = points[SQUARE, i - 1] + r * r
        points[DOWN, i] = points[DOWN, i - 1] + down * down


@leaf
def fill_turns_nb(points: Floats, n_points: int, turns: Floats) -> None:
    """Write the turns at the points 1 .. n_points - 1."""
    for i in range(1, n_points):
        # equity / cash before - 1, and cash / equity before - 1
        begin = points[CLOSE, i] * points[BOUGHT, i] - 1.0
        end = points[SELL, i] / points[CLOSE, i - 1] - 1.0
        begin_down, end_down = loss_nb(begin), loss_nb(end)
        turns[i, IN_R], turns[i, IN_SQUARE], turns[i, IN_DOWN] = begin, begin * begin, begin_down * begin_down
        turns[i, OUT_R], turns[i, OUT_SQUARE], turns[i, OUT_DOWN] = end, end * end, end_down * end_down
        turns[i, TURN_IN], turns[i, TURN_OUT] = points[BOUGHT, i], points[SELL, i]


@leaf
def fill_extremes_nb(points: Floats, n_points: int, extremes: Floats) -> None:
    """Write float64[LEVELS * POINTS, N_EXTREMES], one level after the other.

    On level k, runs of 2 ** (k + 1) points: entry i holds the range between i and the middle of its run.
    """
    last = n_points - 1
    now = points[CLOSE, last]
    _write_entry_nb(extremes[last], now, now, 1.0, 1.0, last, last)  # it may have no other half
    for level in range(LEVELS):
        half = 1 << level
        if half >= n_points:
            break
        for middle in range(half, n_points, 2 * half):
            high, low, fall, rise, top, bottom = 0.0, np.inf, 1.0, 1.0, 0, 0
            for i in range(middle - 1, middle - half - 1, -1):
                now = points[CLOSE, i]
                fall, rise = min(fall, low / now), max(rise, high / now)
                top, bottom = i if now > high else top, i if now < low else bottom
                high, low = max(high, now), min(low, now)
                _write_entry_nb(extremes[level * POINTS + i], high, low, fall, rise, top, bottom)
            high, low, fall, rise = 0.0, np.inf, 1.0, 1.0
            for i in range(middle, min(middle + half, n_points)):
                now = points[CLOSE, i]
                top, bottom = i if now >= high else top, i if now <= low else bottom
                high, low = max(high, now), min(low, now)
                fall, rise = min(fall, now / high), max(rise, now / low)
                _write_entry_nb(extremes[level * POINTS + i], high, low, fall, rise, top, bottom)


@inline
def _write_entry_nb(entry: Floats, high: float, low: float, fall: float, rise: float, top: int, bottom: int) -> None:
    entry[HIGH], entry[LOW], entry[FALL], entry[RISE], entry[TOP], entry[BOTTOM] = high, low, fall, rise, top, bottom


@inline
def _level_nb(first: int, last: int) -> int:
    """The first entry of the level on which the points are in two halves of a run; on level 0 a half is a point."""
    return highest_bit_nb(np.uint64((first ^ last) | 1)) * POINTS


@inline
def highest_nb(extremes: Floats, first: int, last: int) -> float:
    """The highest close of the points first .. last."""
    level = _level_nb(first, last)
    return float(max(extremes[level + first, HIGH], extremes[level + last, HIGH]))


@inline
def lowest_nb(extremes: Floats, first: int, last: int) -> float:
    """The lowest close of the points first .. last."""
    level = _level_nb(first, last)
    return float(min(extremes[level + first, LOW], extremes[level + last, LOW]))


@inline
def top_nb(extremes: Floats, first: int, last: int) -> int:
    """The last of the points first .. last that has the highest close."""
    level = _level_nb(first, last)
    is_left = extremes[level + first, HIGH] > extremes[level + last, HIGH]
    return int(extremes[level + (first if is_left else last), TOP])


@inline
def bottom_nb(extremes: Floats, first: int, last: int) -> int:
    """The last of the points first .. last that has the lowest close."""
    level = _level_nb(first, last)
    is_left = extremes[level + first, LOW] < extremes[level + last, LOW]
    return int(extremes[level + (first if is_left else last), BOTTOM])


@inline
def deepest_fall_nb(extremes: Floats, first: int, last: int) -> float:
    """The lowest close over an earlier one, of the points first .. last; 1 if the closes never fall."""
    level = _level_nb(first, last)
    within: float = min(extremes[level + first, FALL], extremes[level + last, FALL])
    across: float = extremes[level + last, LOW] / extremes[level + first, HIGH]
    return min(within, across)


@inline
def is_falling_nb(extremes: Floats, first: int, last: int, limit: float) -> bool:
    """Whether, of the points first .. last, a close is `limit` of an earlier one or less."""
    level = _level_nb(first, last)
    left, right = extremes[level + first], extremes[level + last]
    return bool(min(left[FALL], right[FALL]) <= limit or right[LOW] <= limit * left[HIGH])


@inline
def is_rising_nb(extremes: Floats, first: int, last: int, limit: float) -> bool:
    """Whether, of the points first .. last, a close is `limit` of an earlier one or more."""
    level = _level_nb(first, last)
    left, right = extremes[level + first], extremes[level + last]
    return bool(max(left[RISE], right[RISE]) >= limit or right[HIGH] >= limit * left[LOW])
