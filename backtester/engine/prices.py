"""Daily bars of one symbol."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from backtester.engine.arrays import Bools, Days, Floats, Ints
from backtester.engine.errors import BadPrices

DAYS_IN_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Prices:
    """Bars of one symbol, oldest first, validated once and read-only.

    dates : datetime64[D][n_bars], strictly increasing
    close, open, high, low : float64[n_bars], price per share, finite and above zero; only `close` is required
    volume : float64[n_bars], shares traded, finite and not negative

    Missing days are absent; nothing is filled in.
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
        """float64[n_bars], the price that fills an order decided one bar earlier: the open, else the close."""
        return self.close if self.open is None else self.open

    @cached_property
    def days(self) -> Ints:
        """int64[n_bars], the dates as days since 1970-01-01, for kernels."""
        days: Ints = self.dates.astype(np.int64)
        days.flags.writeable = False
        return days

    @cached_property
    def years(self) -> float:
        """Years of 365.25 days from the first bar to the last."""
        return float((self.dates[-1] - self.dates[0]) / np.timedelta64(1, "D")) / DAYS_IN_A_YEAR

    @cached_property
    def periods_per_year(self) -> float:
        """252, or 365 where weekends are traded.

        Weekends are 2/7 of a seven-day calendar; a few Saturdays in old exchange data do not make one.
        """
        day_of_week = (self.days + 3) % 7  # 1970-01-01 was a Thursday; 5 and 6 are the weekend
        return 365.0 if float(np.mean(day_of_week >= 5)) > 1 / 7 else 252.0

    def between(self, start: date | None, end: date | None) -> "Prices":
        """Return the bars from `start` to `end`, both included."""
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
    valid: Bools = np.isfinite(array) & ((array >= 0) if name == "volume" else (array > 0))
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
