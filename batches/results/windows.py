"""Which part of a replayed test is sent: a range of its curves, thinned to what a screen shows; a page of trades."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from backtester.engine import Prices
from backtester.engine.arrays import Days, Floats, Ints
from backtester.engine.bar_sizes import first_bars
from batches.errors import Detail, InvalidRequest
from batches.validators import digits, iso_date_or_moment, shown

POINTS = 2_000  # of a curve of bars within a day, if the client does not say
FEWEST_POINTS, MOST_POINTS = 10, 20_000
TRADES = 1_000  # on a page
MOST_TRADES = 10_000  # sent together where no page is requested
FIELDS = ("from", "to", "points", "trades.page")


@dataclass(frozen=True)
class Window:
    """start, end : dates or moments; points : None for all bars, of bars within a day POINTS; trades_page : from 1"""

    start: date | None = None
    end: date | None = None
    points: int | None = None
    trades_page: int | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Window":
        start, end = (_limit(query, field) for field in ("from", "to"))
        points = whole_field(query, "points", FEWEST_POINTS, MOST_POINTS)
        if points is None and (start or end):
            points = POINTS
        return cls(start, end, points, whole_field(query, "trades.page", 1, 10**9))

    def range_of(self, prices: Prices) -> tuple[int, int]:
        """Return the first bar of the range and the one after its last."""
        first, last = prices.positions(self.start, self.end)
        if last <= first:
            dates = moment_text(prices.dates[[0, -1]])
            message = f"There are no bars in this range; the test has {dates[0]} to {dates[1]}."
            raise InvalidRequest(Detail("from" if self.start else "to", message))
        return first, last

    def bars(self, prices: Prices, equity: Floats) -> tuple[Ints, int]:
        """Return the bars of the curves to send, and how many there are in the range."""
        first, last = self.range_of(prices)
        points = self.points or (POINTS if prices.is_within_day else last - first)
        return first + thinned(equity[first:last], prices.dates[first:last], points), last - first

    def trades(self, total: int) -> tuple[slice, dict[str, int]]:
        """Return a page of so many trades, all of them where there are few and no page is requested."""
        if self.trades_page is None and total <= MOST_TRADES:
            return slice(total), {"page": 1, "pages": 1, "pageSize": max(total, 1), "total": total}
        page, pages = self.trades_page or 1, max(1, math.ceil(total / TRADES))
        about = {"page": page, "pages": pages, "pageSize": TRADES, "total": total}
        return slice((page - 1) * TRADES, page * TRADES), about


def thinned(values: Floats, dates: Days, points: int) -> Ints:
    """Return the positions of at most `points` values: the lowest and the highest of each stretch, and both ends.

    The last bar of each month is kept where half of the points suffice for it: returns by month stay exact.
    """
    n = len(values)
    if n <= points:
        return np.arange(n)
    month_ends = first_bars(dates, "M") - 1
    kept = np.append([0, n - 1], month_ends if len(month_ends) <= points // 2 else [])
    stretches = max(1, (points - len(kept)) // 2)
    edges = np.linspace(0, n, stretches + 1).astype(np.int64)
    extremes = [
        first + place
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        for place in (int(np.argmin(values[first:last])), int(np.argmax(values[first:last])))
    ]
    return np.unique(np.concatenate((kept, extremes)).astype(np.int64))


def moment_text(dates: Days) -> list[str]:
    """Return `2020-01-02`, of bars within a day `2020-01-02T14:30:00Z`."""
    if dates.dtype == "datetime64[D]":
        return [str(day) for day in dates]
    return [f"{text}Z" for text in np.datetime_as_string(dates.astype("datetime64[s]")).tolist()]


def _limit(query: Mapping[str, str], field: str) -> date | None:
    text = query.get(field, "")
    try:
        return iso_date_or_moment(text) if text else None
    except ValueError as error:
        raise InvalidRequest(Detail(field, f"{field} must be {error}, got {shown(text)}.")) from None


def whole_field(query: Mapping[str, str], field: str, low: int, high: int) -> int | None:
    """Return an integer of a query string, None where it is left out."""
    text = query.get(field, "")
    if not text:
        return None
    number = digits(text)
    if number is None or not low <= number <= high:
        message = f"{field} must be an integer between {low:,} and {high:,}, got {text[:40]!r}."
        raise InvalidRequest(Detail(field, message))
    return number
