"""Peaks, drawdowns and returns of the points on which a position is held and nothing is ordered, all together."""

from backtester.engine.arrays import Floats
from backtester.engine.bitmasks import sum_returns_nb
from backtester.engine.jit import inline, leaf
from backtester.engine.kernels.block_tables import (
    CLOSE,
    DAY,
    DOWN,
    SQUARE,
    R,
    bottom_nb,
    deepest_fall_nb,
    highest_nb,
    is_falling_nb,
    lowest_nb,
    top_nb,
)
from backtester.engine.kernels.book import (
    BELOW,
    CASH,
    EQUITY,
    LEFT,
    LONGEST,
    PEAK,
    PEAK_DAY,
    SHARES,
    SUM_DOWN2,
    SUM_R,
    SUM_R2,
    TROUGH,
    ruin_nb,
)
from backtester.engine.tolerance import RETURN, equity_nb


@inline
def hold_nb(book: Floats, points: Floats, extremes: Floats, first: int, marked: int, last: int, start: int) -> None:
    """Account for the points first .. last, on which nothing is ordered and something may be held.

    marked : the sums hold the returns up to this point
    """
    shares, cash = book[SHARES], book[CASH]
    if last < first:
        return
    if shares == 0.0:
        if book[BELOW] == 0.0:
            book[PEAK_DAY] = points[DAY, last]
    elif cash == 0.0:
        add_held_nb(book, points, marked, last)
        hold_shares_nb(book, points, extremes, first, last)
    elif shares < 0.0 and equity_nb(cash + shares * highest_nb(extremes, first, last), cash) == 0.0:
        _hold_to_ruin_nb(book, points, extremes, first, marked, start)
    else:
        _hold_with_cash_nb(book, points, extremes, first, marked, last)


@inline
def add_held_nb(book: Floats, points: Floats, marked: int, last: int) -> None:
    """Add the returns of the points marked + 1 .. last of a long position without cash."""
    # r = equity / equity before - 1 = close / close before - 1
    book[SUM_R] += points[R, last] - points[R, marked]
    book[SUM_R2] += points[SQUARE, last] - points[SQUARE, marked]
    book[SUM_DOWN2] += points[DOWN, last] - points[DOWN, marked]


@inline
def hold_shares_nb(book: Floats, points: Floats, extremes: Floats, first: int, last: int) -> None:
    """Compare the points first .. last of a long position without cash with the peak; the sums are made elsewhere."""
    shares, peak, left = book[SHARES], book[PEAK], book[LEFT]
    highest, lowest = (
        shares * highest_nb(extremes, first, last),
        shares * lowest_nb(extremes, first, last),
    )
    if lowest < left * peak or is_falling_nb(extremes, first, last, left):
        book[LEFT] = min(left, min(deepest_fall_nb(extremes, first, last), lowest / peak))
    book[TROUGH] = min(book[TROUGH], lowest)
    book[EQUITY] = shares * points[CLOSE, last]
    if highest < peak * (1.0 - RETURN):
        book[BELOW] = 1.0
    else:
        _raise_peak_nb(book, points, extremes, first, last, highest)


@leaf
def _hold_to_ruin_nb(book: Floats, points: Floats, extremes: Floats, first: int, marked: int, start: int) -> None:
    ruin = first
    while equity_nb(book[CASH] + book[SHARES] * points[CLOSE, ruin], book[CASH]) > 0.0:
        ruin += 1
    if ruin > first:
        _hold_with_cash_nb(book, points, extremes, first, marked, ruin - 1)
    ruin_nb(book, start + ruin)


@leaf
def _hold_with_cash_nb(book: Floats, points: Floats, extremes: Floats, first: int, marked: int, last: int) -> None:
    shares, cash, peak = book[SHARES], book[CASH], book[PEAK]
    high, low = highest_nb(extremes, first, last), lowest_nb(extremes, first, last)
    is_long = shares > 0.0
    highest = cash + shares * (high if is_long else low)
    lowest = cash + shares * (low if is_long else high)
    r, square, down = sum_returns_nb(points, marked + 1, last - marked, cash, shares, -RETURN)
    book[SUM_R] += r
    book[SUM_R2] += square
    book[SUM_DOWN2] += down
    if lowest < book[LEFT] * max(peak, highest):
        if highest <= peak:
            book[LEFT] = min(book[LEFT], lowest / peak)
        else:
            _deepen_nb(book, points, extremes, first, last)
    book[TROUGH] = min(book[TROUGH], lowest)
    book[EQUITY] = cash + shares * points[CLOSE, last]
    if highest < peak * (1.0 - RETURN):
        book[BELOW] = 1.0
    else:
        _raise_peak_nb(book, points, extremes, first, last, highest)


@leaf
def _raise_peak_nb(book: Floats, points: Floats, extremes: Floats, first: int, last: int, highest: float) -> None:
    """Write the peak, its day and the longest drawdown after points of which one meets the peak."""
    if points[DAY, last] - book[PEAK_DAY] > book[LONGEST]:
        _lengthen_nb(book, points, extremes, first, last)
    book[PEAK] = max(book[PEAK], highest)
    book[PEAK_DAY] = points[DAY, _best_at_nb(extremes, book[SHARES], first, last)]
    book[BELOW] = 1.0 if book[EQUITY] < book[PEAK] * (1.0 - RETURN) else 0.0


@leaf
def _deepen_nb(book: Floats, points: Floats, extremes: Floats, first: int, last: int) -> None:
    """Set LEFT where a drawdown of a position with cash beside it is deeper.

    From the back: the deepest drawdown from the highest point, then the points before that one.
    """
    cash, shares, peak, left = book[CASH], book[SHARES], book[PEAK], book[LEFT]
    while first <= last:
        at = _best_at_nb(extremes, shares, first, last)
        highest = cash + shares * points[CLOSE, at]
        if highest <= peak:
            highest, at = peak, first
        elif cash + shares * _best_nb(extremes, -shares, first, last) > left * highest * (1.0 + RETURN):
            break
        left = min(left, (cash + shares * _best_nb(extremes, -shares, at, last)) / highest)
        last = at - 1
    book[LEFT] = left


@leaf
def _lengthen_nb(book: Floats, points: Floats, extremes: Floats, first: int, last: int) -> None:
    """Set LONGEST where a longer drawdown ends within the points first .. last of a held position."""
    cash, shares = book[CASH], book[SHARES]
    peak, peak_day, longest, below = book[PEAK], book[PEAK_DAY], book[LONGEST], book[BELOW] != 0.0
    point = first  # the first one that may meet the peak
    while point <= last:
        floor = peak * (1.0 - RETURN)
        # Drawdowns that end by `near` are not longer: of its peaks only the newest matters.
        near = _last_until_nb(points, last, peak_day + longest)
        if near >= last:
            break
        if near >= point:
            best = _best_nb(extremes, shares, point, near)
            if cash + shares * best >= floor:
                at = _best_at_nb(extremes, shares, point, near)
                peak, peak_day, below = max(peak, cash + shares * best), points[DAY, at], False
                point = at + 1
                continue
        at = _first_reaching_nb(extremes, cash, shares, max(point, near + 1), last, floor)
        if at > last:
            break
        if at > point or below:  # else the bar before is a peak too
            longest = max(longest, points[DAY, at] - peak_day)
        peak, peak_day, below = max(peak, cash + shares * points[CLOSE, at]), points[DAY, at], False
        point = at + 1
    book[LONGEST] = longest


@leaf
def _last_until_nb(points: Floats, last: int, day: float) -> int:
    """The last of the points 0 .. last that is not after a day; -1 if all are."""
    low, high = 0, last + 1
    while low < high:
        middle = (low + high) // 2
        if points[DAY, middle] <= day:
            low = middle + 1
        else:
            high = middle
    return low - 1


@leaf
def _first_reaching_nb(extremes: Floats, cash: float, shares: float, first: int, last: int, floor: float) -> int:
    """The first of the points first .. last with an equity of `floor`, by bisection; last + 1 if there is none."""
    best = _best_nb(extremes, shares, first, last)
    if cash + shares * best < floor:
        return last + 1
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        best = _best_nb(extremes, shares, low, middle)
        if cash + shares * best >= floor:
            high = middle
        else:
            low = middle + 1
    return low


@leaf
def _best_nb(extremes: Floats, shares: float, first: int, last: int) -> float:
    if shares > 0.0:
        return highest_nb(extremes, first, last)
    return lowest_nb(extremes, first, last)


@leaf
def _best_at_nb(extremes: Floats, shares: float, first: int, last: int) -> int:
    return top_nb(extremes, first, last) if shares > 0.0 else bottom_nb(extremes, first, last)
