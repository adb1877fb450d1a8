"""Stored bars. A price series never changes once written, so each process caches those that it has read."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date
from functools import lru_cache

from django.conf import settings

from backtester.engine import BadPrices, Prices
from backtester.engine.timeframes import Built, build
from batches.errors import BatchError
from batches.models import Instrument, PriceSeries
from batches.prices.encoding import BAR_COLUMNS, Columns, decode_bars, encode_bars
from batches.prices.host_files import mapped_columns
from batches.prices.memory import PricesCache
from batches.prices.parts import stored_columns

__all__ = ["BAR_COLUMNS", "Columns", "decode_bars", "encode_bars", "stored_columns"]
cache = PricesCache()


class PricesGone(BatchError):
    def __init__(self) -> None:
        message = "The prices of this batch are gone: they were deleted with their instrument."
        super().__init__(message, code="PRICES_GONE", status=410)


def require_series(series_ids: Iterable[int]) -> None:
    """Raise PricesGone unless all are stored: a process may still hold the bars of a series that was deleted."""
    ids = set(series_ids)
    if PriceSeries.objects.filter(pk__in=ids).count() < len(ids):
        raise PricesGone


def load_series(series_id: int) -> Prices:
    prices = _cached(series_id, lambda: _read_series(series_id))
    assert isinstance(prices, Prices)
    return prices


def _read_series(series_id: int) -> Prices:
    series = PriceSeries.objects.filter(pk=series_id).first()
    if series is None:
        raise PricesGone
    return decode_prices(series)


def decode_prices(series: PriceSeries) -> Prices:
    """Return the bars as they were checked when they were stored."""
    if series.data:
        columns = decode_bars(bytes(series.data))
        dates = columns.pop("date")
        return Prices(series.symbol, dates, **columns, timezone=series.timezone)  # type: ignore[arg-type]
    columns = mapped_columns(series)
    return Prices.unchecked(
        symbol=series.symbol,
        dates=columns["date"],
        timezone=series.timezone,
        series_periods_per_year=None,
        series_bar_seconds=None,
        **{name: columns.get(name) for name in BAR_COLUMNS if name != "date"},
    )


def load_prices(series_id: int, start: date | None, end: date | None, timeframe: str | None = None) -> Prices:
    """Return the bars of a series from `start` to `end`, both included, as stored or of a longer timeframe.

    start, end : days of the exchange, or moments; a longer bar is tested if all of it lies between them
    """
    key = _key(series_id, start, end, timeframe)
    if key == series_id:
        return load_series(series_id)
    prices = _cached(key, lambda: _cut(series_id, start, end, timeframe))
    assert isinstance(prices, Prices)
    return prices


def is_loaded(series_id: int, start: date | None, end: date | None, timeframe: str | None = None) -> bool:
    """Return whether this process has what `load_prices` returns."""
    return _key(series_id, start, end, timeframe) in cache.entries


def _key(series_id: int, start: date | None, end: date | None, timeframe: str | None) -> Hashable:
    is_whole = start is None and end is None and timeframe is None
    return series_id if is_whole else (series_id, start, end, timeframe)


def _cut(series_id: int, start: date | None, end: date | None, timeframe: str | None) -> Prices:
    series = load_series(series_id)
    if timeframe is None:
        return series.between(start, end)
    built = _cached((series_id, timeframe), lambda: build(series, timeframe))
    bars = built.within(*series.positions(start, end)) if isinstance(built, Built) else None
    if bars is None:
        dates = f"from {start or 'the start'} to {end or 'the end'}"
        raise BadPrices(f"{series.symbol} has no complete bar of {timeframe} {dates}.", field="prices")
    return bars


def _cached(key: Hashable, load: Callable[[], Prices | Built | None]) -> Prices | Built | None:
    return cache.get(key, load, settings.PRICES_CACHE_MB * 2**20)


@lru_cache(maxsize=100_000)
def count_bars(series_id: int, start: date | None, end: date | None, timeframe: str | None = None) -> int:
    """Return how many bars `load_prices` has, also cached for more series than fit into memory."""
    return load_prices(series_id, start, end, timeframe).n_bars


def tested_instruments(symbols: Sequence[str]) -> list[Instrument]:
    """Return only what a plan needs of the instruments: reading groups doubles the time for thousands."""
    fields = (
        "symbol", "manual_beta", "bar_days", "series__n_bars", "series__first_date", "series__last_date",
    )  # fmt: skip
    return list(Instrument.objects.select_related("series").filter(symbol__in=symbols).only(*fields))


def instruments(symbols: Sequence[str] | None = None, *, archived: bool = False) -> list[Instrument]:
    """Return instruments, with their groups and series but without the bars.

    symbols : if None, all that are archived, or all that are not
    """
    rows = Instrument.objects.select_related("series").defer("series__data").prefetch_related("groups")
    return list(rows.filter(is_archived=archived) if symbols is None else rows.filter(symbol__in=symbols))
