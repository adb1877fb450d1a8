"""Put a file's prices into the database: all of it, or nothing."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from batches.models import Instrument, PriceImport, PriceSeries
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.beta import measure
from batches.prices.gaps import find_gaps, gap_notes
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import changed, guess
from batches.prices.series import BAR_COLUMNS, encode_bars
from batches.prices.tables import read_table

STORED_AT_ONCE = 200  # series in one statement: about 30 MB
one_file_at_a_time = threading.Lock()  # in a process: the largest file takes some 2 GB while it is read
NOTHING_GIVEN: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ImportReport:
    """What an import changed, by symbol, and how the file was read."""

    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = ((self.added, "added"), (self.updated, "updated"), (self.unchanged, "unchanged"))
        return ", ".join(f"{len(symbols):,} {word}" for symbols, word in counts if symbols) or "nothing to load"


@dataclass(frozen=True)
class Prepared:
    """Prices ready to be stored. new : the series that are not there yet"""

    hashes: dict[str, str]
    new: list[PriceSeries]
    notes: tuple[str, ...]


def read_prices(source: BinaryIO | Path | bytes, *, name: str, given: Mapping[str, str] = NOTHING_GIVEN) -> ParsedFile:
    """The symbols of a CSV or Parquet file with their bars; `BadPriceFile` says what is wrong with it.

    given : what is known of how to read it, see `price_mapping.changed`; the rest is guessed.
    """
    with one_file_at_a_time:
        table = read_table(source, name=name)
        return bars_by_symbol(table, changed(guess(table), given, table))


def import_prices(
    parsed: ParsedFile, *, name: str, size: int, source: str, channel: str, owner: Any = None
) -> ImportReport:
    """Store the prices, and a record of who brought them, in one transaction."""
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


def store_prices(parsed: ParsedFile, *, source: str) -> ImportReport:
    """Write a new version of each symbol's prices that differ from those that are there."""
    return store(prepare(parsed, source=source))


def prepare(parsed: ParsedFile, *, source: str) -> Prepared:
    """Hash and compress, which takes longest, before a transaction keeps others from writing."""
    hashes = {each.symbol: content_hash(each) for each in parsed.series}
    known = _versions(hashes)
    unknown = [each for each in parsed.series if each.symbol not in known]
    new = [_series(each, hashes[each.symbol], source[:200]) for each in unknown]
    return Prepared(hashes, new, (*parsed.notes, *gap_notes(find_gaps(parsed, unknown))))


def store(prepared: Prepared) -> ImportReport:
    """Older versions stay: batches that used them can be replayed. Content that came back is used again."""
    hashes, now = prepared.hashes, timezone.now()
    with transaction.atomic():
        # Someone else may store the same content, or add the same symbol, at the same moment: then theirs is taken.
        PriceSeries.objects.bulk_create(prepared.new, batch_size=STORED_AT_ONCE, ignore_conflicts=True)
        versions = _versions(hashes)
        known = Instrument.objects.in_bulk(list(hashes), field_name="symbol")
        added = [Instrument(symbol=s, series_id=versions[s]) for s in hashes if s not in known]
        updated = [each for symbol, each in known.items() if each.series_id != versions[symbol]]
        for instrument in updated:
            instrument.series_id, instrument.updated_at = versions[instrument.symbol], now
        Instrument.objects.bulk_create(
            added, update_conflicts=True, unique_fields=["symbol"], update_fields=["series", "updated_at"]
        )
        Instrument.objects.bulk_update(updated, ["series", "updated_at"], batch_size=STORED_AT_ONCE)
        changed = {each.symbol for each in (*added, *updated)}
        measure(changed)
    return ImportReport(
        added=tuple(each.symbol for each in added),
        updated=tuple(each.symbol for each in updated),
        unchanged=tuple(symbol for symbol in hashes if symbol not in changed),
        notes=prepared.notes,
    )


def _versions(hashes: Mapping[str, str]) -> dict[str, int]:
    """The stored series of that content, by symbol."""
    # Not by hash too: SQLite would look for every symbol with every hash.
    rows = PriceSeries.objects.filter(symbol__in=list(hashes)).values_list("symbol", "sha256", "pk")
    return {symbol: pk for symbol, sha256, pk in rows if hashes[symbol] == sha256}


def _series(parsed: ParsedSeries, sha256: str, source: str) -> PriceSeries:
    columns = parsed.columns
    dates = parsed.days
    return PriceSeries(
        symbol=parsed.symbol,
        sha256=sha256,
        has_ohlc={"open", "high", "low"} <= columns.keys(),
        first_date=dates[0].item(),
        last_date=dates[-1].item(),
        n_bars=len(dates),
        source=source,
        data=encode_bars(columns),
    )


def content_hash(parsed: ParsedSeries) -> str:
    """Of the values themselves: another file format, or compression, is the same content."""
    digest = hashlib.sha256()
    for name in BAR_COLUMNS:
        if name in parsed.columns:
            column = parsed.columns[name]
            plain = column.astype("datetime64[D]").astype("<i8") if name == "date" else column.astype("<f8")
            digest.update(f"{name}:{len(plain)}:".encode() + plain.tobytes())
    return digest.hexdigest()
