"""Stops at closes: the first point of a range that touches one, by bisection over tables of extremes."""

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import inline, leaf
from backtester.engine.kernels.block_tables import highest_nb, is_falling_nb, is_rising_nb, lowest_nb
from backtester.engine.kernels.book import BEST_CLOSE, PRICE, SIDE, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP
from backtester.engine.tolerance import TIE


@leaf
def first_touch_nb(book: Floats, extremes: Floats, first: int, last: int) -> int:
    """The first of the closes first .. last that touches a stop, else -1; a touch counts, and a stop of 0 is off.

    long: close <= price * (1 - loss), close >= price * (1 + gain), close <= highest close since entry * (1 - trail)
    short: the mirror image
    """
    if last < first:
        return -1
    price, best, loss, gain, trail = (
        book[PRICE],
        book[BEST_CLOSE],
        book[STOP_LOSS],
        book[TAKE_PROFIT],
        book[TRAILING_STOP],
    )
    is_long, down, up = book[SIDE] > 0.0, 1.0 + TIE, 1.0 - TIE
    floor, ceiling, limit = 0.0, np.inf, 0.0
    if is_long:
        floor = price * (1.0 - loss) * down if loss > 0.0 else 0.0
        ceiling = price * (1.0 + gain) * up if gain > 0.0 else np.inf
        if trail > 0.0:
            limit = (1.0 - trail) * down
            floor = max(floor, best * limit)
    else:
        floor = price * (1.0 - gain) * down if gain > 0.0 else 0.0
        ceiling = price * (1.0 + loss) * up if loss > 0.0 else np.inf
        if trail > 0.0:
            limit = (1.0 + trail) * up
            ceiling = min(ceiling, best * limit)
    highest, lowest = highest_nb(extremes, first, last), lowest_nb(extremes, first, last)
    if not _is_touched_nb(extremes, first, last, highest, lowest, floor, ceiling, limit, is_long):
        book[BEST_CLOSE] = max(best, highest) if is_long else min(best, lowest)
        return -1
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        highest, lowest = highest_nb(extremes, first, middle), lowest_nb(extremes, first, middle)
        if _is_touched_nb(extremes, first, middle, highest, lowest, floor, ceiling, limit, is_long):
            high = middle
        else:
            low = middle + 1
    return low


@inline
def _is_touched_nb(
    extremes: Floats, first: int, last: int, highest: float, lowest: float, floor: float, ceiling: float, limit: float,
    is_long: bool,
) -> bool:  # fmt: skip
    """Whether a close is beyond the floor or the ceiling, or moves against the position by `limit` unless 0."""
    if lowest <= floor or highest >= ceiling:
        return True
    if limit == 0.0:
        return False
    return is_falling_nb(extremes, first, last, limit) if is_long else is_rising_nb(extremes, first, last, limit)
