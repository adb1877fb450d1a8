"""Checked daily bars of one symbol."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.engine.errors import BadPrices

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Days = NDArray[np.datetime64]
DAYS_IN_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars of one symbol, oldest first, checked once and read-only.

    dates : datetime64[D][n_bars], rising, no day twice
    close, open, high, low : float64[n_bars], price per share, finite and above zero; only `close` is required
    volume : float64[n_bars], shares traded, finite and not negative

    Missing days are simply absent: nothing is filled in. A late listing starts late.
    """

    symbol: str
    dates: Days
    close: Floats
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "dates", _checked_dates(self.symbol, self.dates))
        for name in ("close", "open", "high", "low", "volume"):
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
        """float64[n_bars], the price at which an order decided one bar earlier is filled: the open, else the close."""
        return self.close if self.open is None else self.open

    @cached_property
    def days(self) -> Whole:
        """int64[n_bars], the dates as days since 1970-01-01, for kernels."""
        days: Whole = self.dates.astype(np.int64)
        days.flags.writeable = False
        return days

    @cached_property
    def years(self) -> float:
        """From the first bar to the last, in years of 365.25 days."""
        return float((self.dates[-1] - self.dates[0]) / np.timedelta64(1, "D")) / DAYS_IN_A_YEAR

    @cached_property
    def periods_per_year(self) -> float:
        """252, or 365 where weekends are traded.

        Weekend bars are 2/7 of a seven-day calendar; a few stray Saturdays (old exchange data) do not make one.
        """
        day_of_week = (self.days + 3) % 7  # 1970-01-01 was a Thursday; 5 and 6 are the weekend
        return 365.0 if float(np.mean(day_of_week >= 5)) > 1 / 7 else 252.0

    def between(self, start: date | None, end: date | None) -> "Prices":
        """The bars from `start` to `end`, both included."""
        first = 0 if start is None else int(np.searchsorted(self.dates, np.datetime64(start, "D"), side="left"))
        last = self.n_bars if end is None else int(np.searchsorted(self.dates, np.datetime64(end, "D"), side="right"))
        if last <= first:
            raise BadPrices(
                f"{self.symbol} has no bars from {start or 'the start'} to {end or 'the end'}; "
                f"it has {self.dates[0]} to {self.dates[-1]}.",
                field="prices",
            )
        if last - first == self.n_bars:
            return self
        columns = (self.open, self.high, self.low, self.volume)
        cut = [None if values is None else values[first:last] for values in columns]
        return Prices(self.symbol, self.dates[first:last], self.close[first:last], *cut)


def _checked_dates(symbol: str, dates: ArrayLike) -> Days:
    days = np.array(dates, dtype="datetime64[D]")
    if days.ndim != 1 or days.size == 0:
        raise BadPrices(f"{symbol} has no bars.", field="prices")
    if np.isnat(days).any():
        raise BadPrices(f"{symbol}: bar {int(np.argmax(np.isnat(days)))} has no date.", field="prices")
    late = np.flatnonzero(days[1:] <= days[:-1])
    if late.size:
        bar = int(late[0]) + 1
        what = "appears twice" if days[bar] == days[bar - 1] else f"comes after {days[bar - 1]}"
        raise BadPrices(f"{symbol}: {days[bar]} (bar {bar}) {what}; dates must rise.", field="prices")
    days.flags.writeable = False
    return days


def _checked_values(symbol: str, name: str, values: ArrayLike, dates: Days) -> Floats:
    array: Floats = np.array(values, dtype=np.float64, order="C")
    if array.shape != dates.shape:
        raise BadPrices(f"{symbol}: {array.size} values of {name} for {dates.size} dates.", field="prices")
    good: NDArray[np.bool_] = np.isfinite(array) & ((array >= 0) if name == "volume" else (array > 0))
    if not good.all():
        bar = int(np.argmin(good))
        wanted = "a number, zero or more" if name == "volume" else "a number above zero"
        what = f"{name} on {dates[bar]} (bar {bar}) is {_shown(array[bar])}"
        raise BadPrices(f"{symbol}: {what}; it must be {wanted}.", field="prices")
    array.flags.writeable = False
    return array


def _check_ranges(prices: Prices) -> None:
    """A low above a high is a mixed-up column, and every fill after it would be wrong."""
    if prices.high is None or prices.low is None:
        return
    wrong = np.flatnonzero(prices.low > prices.high)
    if wrong.size:
        bar = int(wrong[0])
        raise BadPrices(
            f"{prices.symbol}: low {_shown(prices.low[bar])} is above high {_shown(prices.high[bar])} "
            f"on {prices.dates[bar]} (bar {bar}).",
            field="prices",
        )


def _shown(value: Any) -> str:
    return f"{float(value):.12g}"
