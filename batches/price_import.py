"""Put a file's prices into the database: all of it, or nothing."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone

from batches.market_data import BAR_COLUMNS, encode_bars
from batches.measures import measure
from batches.models import Instrument, PriceImport, PriceSeries
from batches.price_bars import ParsedFile, ParsedSeries
from batches.price_files import read_table
from batches.price_gaps import find_gaps, gap_notes
from batches.price_layouts import bars_by_symbol
from batches.price_mapping import changed, guess

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


def read_prices(source: BinaryIO | Path | bytes, *, name: str, given: Mapping[str, str] = NOTHING_GIVEN) -> ParsedFile:
    """The symbols of a CSV or Parquet file with their bars; `BadPriceFile` says what is wrong with it.

    given : what is known of how to read it, see `price_mapping.changed`; the rest is guessed.
    """
    with one_file_at_a_time:
        table = read_table(source, name=name)
        return bars_by_symbol(table, changed(guess(table), given, table))


def import_prices(
    parsed: ParsedFile, *, name: str, size: int, source: str, door: str, owner: Any = None
) -> ImportReport:
    """Store the prices, and a record of who brought them, in one transaction."""
    with transaction.atomic():
        notes = gap_notes(find_gaps(parsed, parsed.series))
        report = store_prices(parsed, source=source or name)
        now = timezone.now()
        PriceImport.objects.create(
            name=name[:200],
            size=size,
            source=(source or name)[:200],
            door=door,
            owner=owner,
            outcome=PriceImport.Outcome.STORED,
            summary=str(report),
            created_at=now,
            stored_at=now,
        )
    return replace(report, notes=(*report.notes, *notes))


def store_prices(parsed: ParsedFile, *, source: str) -> ImportReport:
    """Write a new version of each symbol's prices that differ from those that are there."""
    outcome = dict[str, str]()
    now = timezone.now()
    with transaction.atomic():
        for start in range(0, len(parsed.series), STORED_AT_ONCE):
            outcome |= _store(parsed.series[start : start + STORED_AT_ONCE], source[:200], now)
        measure({symbol for symbol, word in outcome.items() if word != "unchanged"})
    by_word = {word: tuple(s for s, w in outcome.items() if w == word) for word in ("added", "updated", "unchanged")}
    return ImportReport(by_word["added"], by_word["updated"], by_word["unchanged"], parsed.notes)


def _store(parsed: Sequence[ParsedSeries], source: str, now: datetime) -> dict[str, str]:
    """Older versions stay: batches that used them can be replayed. Content that came back is used again."""
    hashes = {each.symbol: content_hash(each) for each in parsed}
    versions = _versions(hashes)
    new = [_series(each, hashes[each.symbol], source) for each in parsed if each.symbol not in versions]
    # Someone else may store the same content at the same moment: then theirs is taken.
    PriceSeries.objects.bulk_create(new, ignore_conflicts=True)
    versions |= _versions({each.symbol: each.sha256 for each in new})
    known = Instrument.objects.in_bulk(list(hashes), field_name="symbol")
    added = [Instrument(symbol=s, series_id=versions[s]) for s in hashes if s not in known]
    updated = [each for symbol, each in known.items() if each.series_id != versions[symbol]]
    for instrument in updated:
        instrument.series_id, instrument.updated_at = versions[instrument.symbol], now
    # Someone else may add the same symbol at the same moment: then the later one is an update.
    Instrument.objects.bulk_create(
        added, update_conflicts=True, unique_fields=["symbol"], update_fields=["series", "updated_at"]
    )
    Instrument.objects.bulk_update(updated, ["series", "updated_at"])
    outcome = dict.fromkeys(hashes, "unchanged")
    return outcome | {each.symbol: "added" for each in added} | {each.symbol: "updated" for each in updated}


def _versions(hashes: Mapping[str, str]) -> dict[str, int]:
    """The stored series of that content, by symbol."""
    found = PriceSeries.objects.filter(symbol__in=list(hashes), sha256__in=list(hashes.values()))
    rows = found.values_list("symbol", "sha256", "pk")
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
