"""The days on which a series should have a bar and has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from django.conf import settings

from backtester.engine import Prices
from backtester.engine.bar_sizes import bar_days, first_of_each
from batches.formatting import counted
from batches.models import Instrument
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.series import load_series

Days = npt.NDArray[np.datetime64]
FEWEST_TO_MEASURE = 5  # bars, whose size is known then
MAX_HOLIDAYS_IN_A_ROW = 2  # weekdays; more of them are missing days also where no benchmark has the trading days


def trading_days(prices: Prices) -> Days:
    """Return the distinct days that have bars."""
    days = prices.trading_days
    return days[first_of_each(days)].view("datetime64[D]")


def missing_days(days: Days, market: Days | None) -> Days:
    """Return the trading days without a bar between the first and the last bar. days : of each bar

    The days of the benchmark are trading days. Before its first day, after its last one, and without a benchmark,
    weekdays are, except one or two missing in a row, which are assumed to be holidays. Weekly and longer bars
    lack none.
    """
    days = days[first_of_each(days)]
    first, last = days[0], days[-1]
    size = bar_days(days.astype(np.int64)) if len(days) >= FEWEST_TO_MEASURE else None
    if size and size > 1:
        return days[:0]
    if market is None or not market.size:
        return _missing_weekdays(days, first, last)
    trading = market[(market > first) & (market < last)]
    missing = trading[days[np.searchsorted(days, trading)] != trading]  # in range: the last bar is later
    before = _missing_weekdays(days, first, min(last, market[0] - 1))
    after = _missing_weekdays(days, max(first, market[-1] + 1), last)
    return np.concatenate([before, missing, after])


def _missing_weekdays(days: Days, start: np.datetime64, stop: np.datetime64) -> Days:
    """Both ends are included."""
    if stop < start:
        return days[:0]
    calendar = np.arange(start, stop + 1)
    weekdays = calendar[np.is_busday(calendar)]
    missing = ~np.isin(weekdays, days, assume_unique=True)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    runs = [(start, stop) for start, stop in edges.reshape(-1, 2) if stop - start > MAX_HOLIDAYS_IN_A_ROW]
    return np.concatenate([days[:0], *(weekdays[start:stop] for start, stop in runs)])


@dataclass(frozen=True)
class Gap:
    """The missing days of one series. after : the place in the file of the last bar before them"""

    symbol: str
    n_days: int
    first: date
    after: str


def find_gaps(parsed: ParsedFile, series: Sequence[ParsedSeries]) -> dict[str, Gap]:
    """Return the gap of each symbol that has one. `series` are those of the file to check."""
    market = _market_days(parsed)
    gaps = {}
    for bars in series:
        missing = missing_days(bars.days, market)
        if missing.size:
            before = bars.places[bars.days.searchsorted(missing[0]) - 1]
            gaps[bars.symbol] = Gap(bars.symbol, len(missing), missing[0].item(), f"{parsed.place_word} {before}")
    return gaps


def _market_days(parsed: ParsedFile) -> Days | None:
    """The benchmark of the file, if it has one, goes before the stored one."""
    for series in parsed.series:
        if series.symbol == settings.BENCHMARK_SYMBOL:
            return trading_days(series.prices)
    stored = Instrument.objects.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    return trading_days(load_series(stored.series_id)) if stored else None


def gap_notes(gaps: dict[str, Gap]) -> tuple[str, ...]:
    """Return one sentence, or none."""
    if not gaps:
        return ()
    first = next(iter(gaps.values()))
    days = counted(sum(gap.n_days for gap in gaps.values()), "missing day")
    symbols = f" in {len(gaps):,} symbols" if len(gaps) > 1 else ""
    return (f"{days}{symbols}, starting with {first.symbol} on {first.first}, after {first.after}.",)
