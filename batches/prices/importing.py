"""Store the prices of a file: all of it, or nothing."""

import hashlib
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from batches.models import Instrument, PriceImport, PriceSeries
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.beta import measure_beta
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import apply_options, guess
from batches.prices.missing_days import find_gaps, gap_notes, missing_days
from batches.prices.series import BAR_COLUMNS, decode_prices, encode_bars
from batches.prices.tables import read_table

SERIES_PER_STATEMENT = 200  # about 30 MB
one_file_at_a_time = threading.Lock()  # in a process: reading the largest file takes 2 GB
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ImportReport:
    """The symbols that an import added, updated and left unchanged, and notes on how the file was read."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = ((self.added, "added"), (self.updated, "updated"), (self.unchanged, "unchanged"))
        return ", ".join(f"{len(symbols):,} {change}" for symbols, change in counts if symbols) or "no prices"


@dataclass(frozen=True)
class Prepared:
    """Prices ready to be stored. new : the series that are not stored yet"""

    hashes: dict[str, str]
    new: list[PriceSeries]
    notes: tuple[str, ...]


def read_prices(source: BinaryIO | Path | bytes, *, name: str, options: Mapping[str, str] = NO_OPTIONS) -> ParsedFile:
    """Read a CSV or Parquet file; `BadPriceFile` lists its problems.

    options : how to read it, see `mapping.apply_options`; the rest is guessed.
    """
    with one_file_at_a_time:
        table = read_table(source, name=name)
        return bars_by_symbol(table, apply_options(guess(table), options, table))


def import_prices(
    parsed: ParsedFile, *, name: str, size: int, source: str, channel: str, owner: User | None = None
) -> ImportReport:
    """Store the prices and a record of the import in one transaction."""
    prepared = prepare(parsed, source=source or name)
    with transaction.atomic():
        report = store(prepared)
        now = timezone.now()
        PriceImport.objects.create(
            name=name[:200],
            size=size,
            source=(source or name)[:200],
            channel=channel,
            owner=owner,
            outcome=PriceImport.Outcome.STORED,
            summary=str(report),
            created_at=now,
            stored_at=now,
        )
    return report


def prepare(parsed: ParsedFile, *, source: str) -> Prepared:
    """Hash and compress, which takes longest, before the transaction blocks other writers."""
    hashes = {series.symbol: content_hash(series) for series in parsed.series}
    versions = _versions(hashes)
    unknown = [series for series in parsed.series if series.symbol not in versions]
    new = [_series(series, hashes[series.symbol], source[:200]) for series in unknown]
    return Prepared(hashes, new, (*parsed.notes, *gap_notes(find_gaps(parsed, unknown))))


def store(prepared: Prepared) -> ImportReport:
    """Older versions stay, so that batches on them can be replayed; content that returns is used again."""
    hashes, now = prepared.hashes, timezone.now()
    with transaction.atomic():
        # Another process may store the same content, or add the same symbol, meanwhile: then its rows are used.
        PriceSeries.objects.bulk_create(prepared.new, batch_size=SERIES_PER_STATEMENT, ignore_conflicts=True)
        versions = _versions(hashes)
        stored = Instrument.objects.in_bulk(list(hashes), field_name="symbol")
        added = [Instrument(symbol=s, series_id=versions[s]) for s in hashes if s not in stored]
        updated = [instrument for symbol, instrument in stored.items() if instrument.series_id != versions[symbol]]
        for instrument in updated:
            instrument.series_id, instrument.updated_at = versions[instrument.symbol], now
        Instrument.objects.bulk_create(
            added, update_conflicts=True, unique_fields=["symbol"], update_fields=["series", "updated_at"]
        )
        Instrument.objects.bulk_update(updated, ["series", "updated_at"], batch_size=SERIES_PER_STATEMENT)
        changed = {instrument.symbol for instrument in (*added, *updated)}
        _measure(changed)
    return ImportReport(
        added=tuple(instrument.symbol for instrument in added),
        updated=tuple(instrument.symbol for instrument in updated),
        unchanged=tuple(symbol for symbol in hashes if symbol not in changed),
        notes=prepared.notes,
    )


def _measure(changed: Collection[str]) -> None:
    """Store beta and missing days of the changed symbols, or of all symbols if the benchmark changed."""
    if not changed:
        return
    instruments = Instrument.objects.select_related("series")
    benchmark = instruments.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    market = decode_prices(benchmark.series) if benchmark else None
    if market is None or market.symbol not in changed:
        instruments = instruments.filter(symbol__in=list(changed))
    measured = []
    for instrument in instruments.iterator(chunk_size=100):
        own = decode_prices(instrument.series)
        beta = measure_beta(own, market).value if market else None
        gaps = len(missing_days(own.dates, market.dates if market else None))
        measured.append(Instrument(pk=instrument.pk, beta=beta, gaps=gaps))  # without the bars, to save memory
    Instrument.objects.bulk_update(measured, ["beta", "gaps"], batch_size=500)


def _versions(hashes: Mapping[str, str]) -> dict[str, int]:
    """Return the stored series with that content, by symbol."""
    # Not filtered by hash: SQLite would look up every symbol with every hash.
    rows = PriceSeries.objects.filter(symbol__in=list(hashes)).values_list("symbol", "sha256", "pk")
    return {symbol: pk for symbol, sha256, pk in rows if hashes[symbol] == sha256}


def _series(parsed: ParsedSeries, sha256: str, source: str) -> PriceSeries:
    dates = parsed.days
    return PriceSeries(
        symbol=parsed.symbol,
        sha256=sha256,
        has_ohlc=parsed.has_ohlc,
        first_date=dates[0].item(),
        last_date=dates[-1].item(),
        n_bars=len(dates),
        source=source,
        data=encode_bars(parsed.columns),
    )


def content_hash(parsed: ParsedSeries) -> str:
    """Hash the values, so that the same prices in another file format are the same content."""
    digest = hashlib.sha256()
    for name in BAR_COLUMNS:
        if name in parsed.columns:
            column = parsed.columns[name]
            plain = column.astype("datetime64[D]").astype("<i8") if name == "date" else column.astype("<f8")
            digest.update(f"{name}:{len(plain)}:".encode() + plain.tobytes())
    return digest.hexdigest()
