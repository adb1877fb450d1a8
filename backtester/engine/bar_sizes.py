"""The length of a bar and the number of bars a year, found from the dates or moments."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.engine.arrays import Days, Ints

DAYS_IN_A_YEAR = 365.25
DAY_S = 86_400
SECOND_NS = 1_000_000_000
EVERY_DAY, TRADING_DAYS = 365.0, 252.0
CONVENTIONS = (EVERY_DAY, TRADING_DAYS, DAYS_IN_A_YEAR / 7, 12.0, 4.0, 1.0)
TOLERANCE = 0.05  # a Sharpe ratio moves by half of it at most
FEWEST_DISTANCES = 12
LONGEST_GAP = 14  # usual distances between bars; a longer one is a gap in the data
LONGEST_DAILY = 5  # days; from here on bars are not daily
SIZES = {7.0: (6, 8), DAYS_IN_A_YEAR / 12: (28, 31), DAYS_IN_A_YEAR / 4: (89, 92), DAYS_IN_A_YEAR: (364, 366)}
FEWEST_USUAL, FEWEST_MULTIPLES = 0.2, 0.95  # shares of the distances between regular bars within a day


def bar_days(days: Ints) -> float | None:
    """Return the length of a bar of a day or longer.

    days : int64[n_bars], days since 1970-01-01, increasing

    1, 7, 30.4375 (a month), 91.3125 (a quarter) or 365.25 days; None if the bars are irregular. A single bar is a day.
    """
    if len(days) < 2:
        return 1.0
    usual = median_distance(np.diff(days))
    if usual < LONGEST_DAILY:
        return 1.0
    return next((size for size, (low, high) in SIZES.items() if low <= usual <= high), None)


def bar_seconds(moments: Ints) -> float | None:
    """Return the length of a bar within a day, in seconds.

    moments : int64[n_bars], ns since 1970 in UTC, increasing

    The most common distance between bars; None (irregular) if less than a fifth of the distances are it, or less than
    95 % are multiples of it. Nights, gaps and minutes without a trade are multiples.
    """
    distances = np.diff(moments)
    if not distances.size:
        return None
    usual = int(median_distance(distances))
    share = float(np.mean(distances == usual))
    if share <= 0.5:  # else it is the most common one, without a sort of millions of distances
        values, counts = np.unique(distances, return_counts=True)
        usual, share = int(values[np.argmax(counts)]), float(counts.max() / counts.sum())
    multiples = float(np.mean(distances % usual == 0))
    return usual / SECOND_NS if share >= FEWEST_USUAL and multiples >= FEWEST_MULTIPLES else None


def median_distance(distances: Ints) -> float:
    """Return the median, without a sort of millions of distances where more than half are equal."""
    usual = np.median(distances[:1_000])
    is_usual = 2 * np.count_nonzero(distances == usual) > distances.size
    return float(usual if is_usual else np.median(distances))


def first_of_each(values: NDArray[Any]) -> Ints:
    """Return the positions of the first of each run of equal values. values : not falling, at least one"""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


def first_bars(dates: Days, unit: str) -> Ints:
    """Return the first bar of each year, month, day or hour but that of the first bar, without a look at every bar."""
    first, last = dates[[0, -1]].astype(f"datetime64[{unit}]")
    return np.unique(np.searchsorted(dates, np.arange(first + 1, last + 1))).astype(np.int64)


def periods_per_year(days: Ints, size: float | None = None) -> float:
    """Return the number of bars a year, which annualizes volatility, Sharpe and Sortino ratio.

    days : int64[n_bars], days since 1970-01-01, increasing; size : the length of a bar in days, None: found in `days`,
        where bars of two to four days look daily, and bars of two weeks irregular

    Counted: bars / years, without gaps of more than 14 usual distances. A count within 5 % of a convention (365, 252,
    365.25 / 7, 12, 4, 1) is that convention, so that exchanges with other holidays stay comparable. Fewer than 13 bars,
    and daily bars of less than a year, are not counted: the size of the bar decides, and 252 if it is irregular; 365
    if Saturdays and Sundays are traded.
    """
    size, distances = size or bar_days(days), np.diff(days)
    if size == 1.0 and days[-1] - days[0] < DAYS_IN_A_YEAR:
        return EVERY_DAY if _trades_weekends(days) else TRADING_DAYS
    if distances.size < FEWEST_DISTANCES:
        return DAYS_IN_A_YEAR / size if size and size > 1.0 else TRADING_DAYS
    kept = distances[distances <= LONGEST_GAP * np.median(distances)]
    counted = DAYS_IN_A_YEAR * kept.size / float(kept.sum())
    closest = min(CONVENTIONS, key=lambda convention: abs(math.log(convention / counted)))
    return closest if abs(counted / closest - 1) <= TOLERANCE else counted


def periods_within_days(days: Ints) -> float:
    """Return the number of bars a year where a day has several.

    days : int64[n_bars], the exchange's day of each bar, days since 1970-01-01, not falling

    Counted: bars of whole weeks (from Monday, those with bars) / weeks * 365.25 / 7. A count within 5 % of 365 or 252
    times the bars of a usual day is that, so that exchanges with other holidays stay comparable. Less than one whole
    week is not counted: 252 usual days, 365 if Saturdays and Sundays are traded.
    """
    starts = first_of_each(days)
    distinct, bars = days[starts], np.diff(starts, append=len(days))
    usual = float(np.median(bars[1:-1]) if bars.size > 2 else bars.max())  # the first and the last day may be parts
    weekends = _trades_weekends(distinct) if distinct.size > 6 else bool(((distinct + 3) % 7 >= 5).any())
    expected = (EVERY_DAY if weekends else TRADING_DAYS) * usual
    bars_of_weeks = np.diff(first_of_each(np.floor_divide(days + 3, 7)), append=len(days))
    if bars_of_weeks.size < 3:
        return expected
    counted = float(np.mean(bars_of_weeks[1:-1])) * DAYS_IN_A_YEAR / 7
    closest = min((EVERY_DAY * usual, TRADING_DAYS * usual), key=lambda known: abs(math.log(known / counted)))
    return closest if abs(counted / closest - 1) <= TOLERANCE else counted


def _trades_weekends(days: Ints) -> bool:
    """Each weekend day is 1/7 of a full week; a few Saturdays, or the Sundays of currencies, do not make one."""
    day_of_week = (days + 3) % 7  # 1970-01-01 was a Thursday; 5 and 6 are the weekend
    return min(float(np.mean(day_of_week == day)) for day in (5, 6)) > 1 / 14
