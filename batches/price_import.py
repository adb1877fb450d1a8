"""Put a file's prices into the database: all of it, or nothing."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from django.conf import settings
from django.db import transaction

from backtester.engine import estimate_beta
from batches.market_data import BAR_COLUMNS, decode_bars, encode_bars
from batches.models import Instrument, PriceSeries
from batches.price_files import read_table
from batches.price_layouts import ParsedSeries, bars_by_symbol


@dataclass(frozen=True)
class ImportReport:
    """What an import changed, by symbol."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]

    def __str__(self) -> str:
        counts = ((self.added, "added"), (self.updated, "updated"), (self.unchanged, "unchanged"))
        return ", ".join(f"{len(symbols)} {word}" for symbols, word in counts if symbols) or "nothing to load"


def read_prices(source: BinaryIO | Path, *, name: str) -> list[ParsedSeries]:
    """The symbols of a CSV or Parquet file with their bars; `BadPriceFile` says what is wrong with it."""
    return bars_by_symbol(read_table(source, name=name))


def store_prices(parsed: Sequence[ParsedSeries], *, source: str) -> ImportReport:
    """Write a new version of each symbol's prices that differ from those that are there."""
    outcome = dict[str, str]()
    with transaction.atomic():
        for series in parsed:
            outcome[series.symbol] = _store(series, source)
        _measure_betas(outcome)
    by_word = {word: tuple(s for s, w in outcome.items() if w == word) for word in ("added", "updated", "unchanged")}
    return ImportReport(by_word["added"], by_word["updated"], by_word["unchanged"])


def _store(parsed: ParsedSeries, source: str) -> str:
    """Older versions stay: batches that used them can be replayed. Content that came back is used again."""
    columns = parsed.columns
    dates = columns["date"].astype("datetime64[D]")
    series, _ = PriceSeries.objects.defer("data").get_or_create(
        symbol=parsed.symbol,
        sha256=content_hash(parsed),
        defaults={
            "has_ohlc": {"open", "high", "low"} <= columns.keys(),
            "first_date": dates[0].item(),
            "last_date": dates[-1].item(),
            "n_bars": len(dates),
            "source": source[:200],
            "data": encode_bars(columns),
        },
    )
    instrument = Instrument.objects.filter(symbol=parsed.symbol).first()
    if instrument is None:
        Instrument.objects.create(symbol=parsed.symbol, series=series)
        return "added"
    if instrument.series_id == series.pk:
        return "unchanged"
    instrument.series = series
    instrument.save(update_fields=["series", "updated_at"])
    return "updated"


def content_hash(parsed: ParsedSeries) -> str:
    """Of the values themselves: another file format, or compression, is the same content."""
    digest = hashlib.sha256()
    for name in BAR_COLUMNS:
        if name in parsed.columns:
            column = parsed.columns[name]
            plain = column.astype("datetime64[D]").astype("<i8") if name == "date" else column.astype("<f8")
            digest.update(f"{name}:{len(plain)}:".encode() + plain.tobytes())
    return digest.hexdigest()


def _measure_betas(outcome: dict[str, str]) -> None:
    """Of the changed symbols; of all, when it is the benchmark that changed."""
    changed = {symbol for symbol, word in outcome.items() if word != "unchanged"}
    benchmark = Instrument.objects.filter(symbol=settings.BENCHMARK_SYMBOL).select_related("series").first()
    if benchmark is None or not changed:
        return
    instruments = Instrument.objects.select_related("series")
    if benchmark.symbol not in changed:
        instruments = instruments.filter(symbol__in=changed)
    dates, closes = _closes(benchmark)
    _save_betas(instruments.iterator(chunk_size=50), dates, closes)


def _save_betas(instruments: Iterable[Instrument], dates: np.ndarray, closes: np.ndarray) -> None:
    changed = []
    for instrument in instruments:
        own_dates, own_closes = _closes(instrument)
        _, own, market = np.intersect1d(own_dates, dates, assume_unique=True, return_indices=True)
        beta = estimate_beta(own_closes[own], closes[market])
        instrument.beta = beta if math.isfinite(beta) else None
        changed.append(instrument)
    Instrument.objects.bulk_update(changed, ["beta"], batch_size=500)


def _closes(instrument: Instrument) -> tuple[np.ndarray, np.ndarray]:
    columns = decode_bars(bytes(instrument.series.data))
    return columns["date"].astype("datetime64[D]"), columns["close"].astype(np.float64)
