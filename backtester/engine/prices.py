"""Bars of one symbol."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from backtester.engine.arrays import Bools, Days, Floats, Ints
from backtester.engine.bar_sizes import (
    DAY_S,
    DAYS_IN_A_YEAR,
    bar_days,
    bar_seconds,
    periods_per_year,
    periods_within_days,
)
from backtester.engine.errors import BadPrices
from backtester.engine.zones import DAY_NS, local_days

VALUES = ("close", "open", "high", "low", "volume")


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars of one symbol, oldest first, validated once and read-only.

    dates : datetime64[D][n_bars], strictly increasing; of bars within a day datetime64[ns][n_bars], the moments in UTC
        at which they opened
    close, open, high, low : float64[n_bars], price per share, finite and above zero; only `close` is required
    volume : float64[n_bars], shares traded, not negative; NaN where it is unknown
    series_periods_per_year, series_bar_seconds : bars a year and the length of a bar, of the series that these bars are
        cut from; None: found in these bars
    timezone : of the exchange, an IANA name; the day of a bar within a day is the day there

    Moments whose median distance is a day or more are days. Missing bars are absent; nothing is filled in.
    """

    symbol: str
    dates: Days
    close: Floats
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None
    series_periods_per_year: float | None = None
    series_bar_seconds: float | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        is_within_day = self.series_bar_seconds is not None and self.series_bar_seconds < DAY_S
        object.__setattr__(self, "dates", _checked_dates(self.symbol, self.dates, is_within_day=is_within_day))
        for name in VALUES:
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, _checked_values(self.symbol, name, values, self.dates))
            elif name == "close":
                raise BadPrices(f"{self.symbol} has no closes.", field="prices")
        _check_ranges(self)

    @property
    def n_bars(self) -> int:
        return len(self.dates)

    @property
    def has_ohlc(self) -> bool:
        return self.open is not None and self.high is not None and self.low is not None

    @property
    def fill(self) -> Floats:
        """float64[n_bars], the price that fills an order decided one bar earlier: the open, else the close."""
        return self.close if self.open is None else self.open

    @property
    def is_within_day(self) -> bool:
        """Whether bars are shorter than a day, and `dates` are moments."""
        return bool(self.dates.dtype == np.dtype("datetime64[ns]"))

    @property
    def moments(self) -> Ints:
        """int64[n_bars], ns since 1970 in UTC; of bars of a day and longer, midnight of the written day."""
        return self.dates.astype("datetime64[ns]", copy=False).view(np.int64)

    @cached_property
    def days(self) -> Floats:
        """float64[n_bars], days since 1970-01-01, the time of day as a fraction: what durations are made from."""
        days = self.moments / DAY_NS
        days.flags.writeable = False
        return days

    @cached_property
    def trading_days(self) -> Ints:
        """int64[n_bars], the exchange's day of each bar, days since 1970-01-01, not falling."""
        days = local_days(self.moments, self.timezone) if self.is_within_day else self.dates.view(np.int64)
        days.flags.writeable = False
        return days

    @cached_property
    def years(self) -> float:
        """Years of 365.25 days from the first bar to the last."""
        return float(self.days[-1] - self.days[0]) / DAYS_IN_A_YEAR

    @cached_property
    def bar_seconds(self) -> float | None:
        """The length of a bar, see `bar_sizes`; None if the bars are irregular."""
        if self.series_bar_seconds is not None:
            return self.series_bar_seconds
        if self.is_within_day:
            return bar_seconds(self.moments)
        size = bar_days(self.trading_days)
        return None if size is None else size * DAY_S

    @cached_property
    def periods_per_year(self) -> float:
        """Bars a year, see `bar_sizes`; those of the whole series if these bars are a part of it."""
        if self.series_periods_per_year:
            return self.series_periods_per_year
        if self.is_within_day:
            return periods_within_days(self.trading_days)
        size = self.series_bar_seconds and self.series_bar_seconds / DAY_S
        return periods_per_year(self.trading_days, size)

    def between(self, start: date | None, end: date | None) -> "Prices":
        """Return the bars from `start` to `end`, both included: days of the exchange or moments, in UTC if naive."""
        first, last = self.positions(start, end)
        if last <= first:
            raise BadPrices(
                f"{self.symbol} has no bars from {start or 'the start'} to {end or 'the end'}; "
                f"it has {self.dates[0]} to {self.dates[-1]}.",
                field="prices",
            )
        return self if last - first == self.n_bars else self.part(first, last)

    def positions(self, start: date | None, end: date | None) -> tuple[int, int]:
        """Return the range [first, last) of the bars from `start` to `end`, empty if there are none."""
        first = 0 if start is None else self._position(start, "left")
        return first, self.n_bars if end is None else self._position(end, "right")

    def part(self, first: int, last: int) -> "Prices":
        """Return the bars [first, last) without a copy of them."""
        columns = {name: getattr(self, name) for name in ("dates", *VALUES)}
        return Prices.unchecked(
            symbol=self.symbol,
            timezone=self.timezone,
            series_bar_seconds=self.bar_seconds,
            series_periods_per_year=self.periods_per_year,
            **{name: None if column is None else column[first:last] for name, column in columns.items()},
        )

    @classmethod
    def unchecked(cls, **values: Any) -> "Prices":
        """Return bars that were checked before, without a copy of the arrays; all of the fields are needed."""
        prices = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(prices, name, value)
        return prices

    def _position(self, limit: date, side: Any) -> int:
        if not isinstance(limit, datetime):
            return int(np.searchsorted(self.trading_days, np.datetime64(limit, "D").astype(np.int64), side=side))
        moment = limit.replace(tzinfo=limit.tzinfo or ZoneInfo("UTC")).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
        if self.is_within_day:
            return int(np.searchsorted(self.dates, np.datetime64(moment, "ns"), side=side))
        return int(np.searchsorted(self.dates, np.datetime64(moment, "D"), side=side))


def has_several_a_day(dates: Days) -> bool:
    """Return whether the median distance between bars is less than a day. dates : datetime64[n_bars] of any unit"""
    if np.datetime_data(dates.dtype)[0] in ("Y", "M", "W", "D", "generic") or dates.size < 2:
        return False
    distances = np.diff(dates).astype("timedelta64[ns]").view(np.int64)
    short = int(np.count_nonzero(distances < DAY_NS))
    if 2 * short != distances.size:  # without a sort of millions of distances
        return 2 * short > distances.size
    return bool(np.median(distances) < DAY_NS)


def _checked_dates(symbol: str, dates: ArrayLike, *, is_within_day: bool) -> Days:
    days = np.asarray(dates)
    if days.ndim != 1 or days.size == 0:
        raise BadPrices(f"{symbol} has no bars.", field="prices")
    if days.dtype.kind in "iufb":
        raise BadPrices(f"{symbol}: bars must have dates, got numbers such as {days[0]}.", field="prices")
    days = days if days.dtype.kind == "M" else days.astype("datetime64[D]")
    if np.isnat(days).any():
        raise BadPrices(f"{symbol}: bar {int(np.argmax(np.isnat(days)))} has no date.", field="prices")
    unit = "ns" if is_within_day or has_several_a_day(days) else "D"
    days = days.astype(f"datetime64[{unit}]")
    disordered = np.flatnonzero(days[1:] <= days[:-1])
    if disordered.size:
        bar = int(disordered[0]) + 1
        problem = "appears twice" if days[bar] == days[bar - 1] else f"comes after {days[bar - 1]}"
        raise BadPrices(f"{symbol}: dates must increase; {days[bar]} (bar {bar}) {problem}.", field="prices")
    days.flags.writeable = False
    return days


def _checked_values(symbol: str, name: str, values: ArrayLike, dates: Days) -> Floats:
    array: Floats = np.array(values, dtype=np.float64, order="C")
    if array.shape != dates.shape:
        raise BadPrices(f"{symbol}: {array.size} values of {name} for {dates.size} dates.", field="prices")
    is_possible = (array >= 0) | np.isnan(array) if name == "volume" else array > 0
    valid: Bools = is_possible & ~np.isinf(array)
    if not valid.all():
        bar = int(np.argmin(valid))
        bounds = "zero or more" if name == "volume" else "above zero"
        place = f"{name} on {dates[bar]} (bar {bar})"
        raise BadPrices(f"{symbol}: {place} must be a number {bounds}, got {array[bar]:.12g}.", field="prices")
    array.flags.writeable = False
    return array


def _check_ranges(prices: Prices) -> None:
    """Refuse a low above a high: columns were mixed up, and every fill would be wrong."""
    if prices.high is None or prices.low is None:
        return
    bars = np.flatnonzero(prices.low > prices.high)
    if bars.size:
        bar = int(bars[0])
        raise BadPrices(
            f"{prices.symbol}: low must not be above high on {prices.dates[bar]} (bar {bar}), "
            f"got {prices.low[bar]:.12g} and {prices.high[bar]:.12g}.",
            field="prices",
        )
