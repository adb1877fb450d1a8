"""What is measured of an instrument against the benchmark: its beta, and the days that it lacks."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from django.conf import settings

from backtester.engine import EngineError, Prices, estimate_beta
from batches.errors import Detail, InvalidRequest
from batches.models import Instrument, PriceSeries
from batches.prices.series import decode_prices, instruments, load_prices
from batches.validators import iso_date, shown

Days = npt.NDArray[np.datetime64]
HOLIDAYS_IN_A_ROW = 2  # weekdays; longer holes are gaps also where no benchmark says which days were traded


@dataclass(frozen=True)
class Beta:
    """A beta and what it was measured on. value : None with fewer than three common bars, or a flat benchmark."""

    value: float | None
    n_bars: int
    first: date | None
    last: date | None


def measure(changed: Collection[str]) -> None:
    """Store beta and gaps of the changed symbols; of all symbols, when it is the benchmark that changed."""
    if not changed:
        return
    series = PriceSeries.objects.filter(symbol=settings.BENCHMARK_SYMBOL, pk__in=Instrument.objects.values("series"))
    benchmark = series.first()
    market = decode_prices(benchmark) if benchmark else None
    found = Instrument.objects.select_related("series")
    if market is None or market.symbol not in changed:
        found = found.filter(symbol__in=list(changed))
    _measure(found.iterator(chunk_size=100), market)


def _measure(instruments: Iterable[Instrument], market: Prices | None) -> None:
    measured = []
    for instrument in instruments:
        own = decode_prices(instrument.series)
        instrument.beta = beta(own, market).value if market else None
        instrument.gaps = len(gaps(own.dates, market.dates if market else None))
        # Not the whole instrument, which would keep the bars of all of them in memory.
        measured.append(Instrument(pk=instrument.pk, beta=instrument.beta, gaps=instrument.gaps))
    Instrument.objects.bulk_update(measured, ["beta", "gaps"], batch_size=500)


def beta(own: Prices, market: Prices) -> Beta:
    """Of one series against another, on the days that both have."""
    days, at, market_at = np.intersect1d(own.dates, market.dates, assume_unique=True, return_indices=True)
    value = float(estimate_beta(own.close[at], market.close[market_at]))
    first, last = (days[0].item(), days[-1].item()) if days.size else (None, None)
    return Beta(value if math.isfinite(value) else None, len(days), first, last)


@lru_cache(maxsize=100_000)
def series_beta(series_id: int, benchmark_series_id: int, start: date | None, end: date | None) -> float | None:
    """Over the bars from `start` to `end`; None where there are too few."""
    try:
        own, market = load_prices(series_id, start, end), load_prices(benchmark_series_id, start, end)
    except EngineError:
        return None
    return beta(own, market).value


def chosen_beta(symbol: str, benchmark: str, start: str, end: str) -> Beta:
    """Of one instrument against another over chosen dates (ISO, empty: all); InvalidRequest names what is wrong."""
    wrong = list[Detail]()
    found = {
        each.symbol: each.series_id
        for each in instruments([text.upper() for text in (symbol, benchmark) if text.isprintable()])
    }
    for field, wanted in (("symbol", symbol), ("benchmark", benchmark)):
        if wanted.upper() not in found:
            wrong.append(Detail(field, f"There are no prices for {shown(wanted)}."))
    dates = list[date | None]()
    for field, text in (("startDate", start), ("endDate", end)):
        try:
            dates.append(iso_date(text) if text else None)
        except ValueError as error:
            wrong.append(Detail(field, f"{field} is {shown(text)}; {error} is wanted."))
    if wrong:
        raise InvalidRequest(*wrong)
    try:
        own, market = (load_prices(found[each.upper()], *dates) for each in (symbol, benchmark))
    except EngineError as error:
        raise InvalidRequest(Detail("startDate", error.message)) from None
    return beta(own, market)


def gaps(days: Days, market: Days | None) -> Days:
    """The days without a bar between the first and the last one, on which there should be one.

    A day that the benchmark has is a trading day. Where the benchmark has no dates (before its first, after its last,
    or without one), weekdays are, less holes of one or two of them in a row, which are taken for holidays.
    """
    first, last = days[0], days[-1]
    if market is None or not market.size:
        return _weekday_gaps(days, first, last)
    known = market[(market > first) & (market < last)]
    lacking = known[days[np.searchsorted(days, known)] != known]  # the last bar is later: there is always a next one
    before = _weekday_gaps(days, first, min(last, market[0] - 1))
    after = _weekday_gaps(days, max(first, market[-1] + 1), last)
    return np.concatenate([before, lacking, after])


def _weekday_gaps(days: Days, start: np.datetime64, stop: np.datetime64) -> Days:
    """Of the weekdays from start to stop, both included."""
    if stop < start:
        return days[:0]
    every = np.arange(start, stop + 1)
    weekdays = every[np.is_busday(every)]
    missing = ~np.isin(weekdays, days, assume_unique=True)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    holes = [(start, stop) for start, stop in edges.reshape(-1, 2) if stop - start > HOLIDAYS_IN_A_ROW]
    return np.concatenate([days[:0], *(weekdays[start:stop] for start, stop in holes)])
