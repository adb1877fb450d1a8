"""The beta of an instrument against another."""

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from backtester.engine import EngineError, Prices, estimate_beta
from backtester.engine.metrics.buy_and_hold import common_closes
from batches.errors import Detail, InvalidRequest
from batches.prices.series import instruments, load_prices
from batches.symbols import normalized
from batches.validators import iso_date, shown


@dataclass(frozen=True)
class Beta:
    """A beta and the bars behind it. value : None with fewer than three common bars, or a flat benchmark."""

    value: float | None
    n_bars: int
    first: date | None
    last: date | None


def measure_beta(own: Prices, market: Prices) -> Beta:
    """Measure the beta on the days that both series have, by the last close of each."""
    days, closes, market_closes = common_closes(own, market)
    value = float(estimate_beta(closes, market_closes))
    first, last = (days[0].item(), days[-1].item()) if days.size else (None, None)
    return Beta(value if math.isfinite(value) else None, len(days), first, last)


@lru_cache(maxsize=100_000)
def series_beta(series_id: int, benchmark_series_id: int, start: date | None, end: date | None) -> float | None:
    """Return the beta from `start` to `end`, or None when there are too few bars."""
    try:
        own, market = load_prices(series_id, start, end), load_prices(benchmark_series_id, start, end)
    except EngineError:
        return None
    return measure_beta(own, market).value


def chosen_beta(symbol: str, benchmark: str, start: str, end: str) -> Beta:
    """Measure the beta over chosen dates, given as ISO text or empty; InvalidRequest names each bad field."""
    problems = list[Detail]()
    symbols = {"symbol": normalized(symbol), "benchmark": normalized(benchmark)}
    stored = instruments([text for text in symbols.values() if text.isprintable()])
    series_ids = {instrument.symbol: instrument.series_id for instrument in stored}
    for field, text in symbols.items():
        if text not in series_ids:
            problems.append(Detail(field, f"There are no prices for {shown(text)}."))
    dates = list[date | None]()
    for field, text in (("startDate", start), ("endDate", end)):
        try:
            dates.append(iso_date(text) if text else None)
        except ValueError:
            problems.append(Detail(field, f"{field} must be a date as YYYY-MM-DD, got {shown(text)}."))
    if problems:
        raise InvalidRequest(*problems)
    try:
        own, market = (load_prices(series_ids[text], dates[0], dates[1]) for text in symbols.values())
    except EngineError as error:
        raise InvalidRequest(Detail("startDate", error.message)) from None
    return measure_beta(own, market)
