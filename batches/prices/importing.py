"""Store the prices of a file: all of it, or nothing."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from backtester.engine.bar_sizes import DAY_S
from backtester.engine.timeframes import calendar_of
from batches.errors import Conflict
from batches.models import Instrument, PriceImport, PriceSeries
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.beta import measure_beta
from batches.prices.changes import PricesDiffer, change_notes, find_changes, problems_of, stored_versions
from batches.prices.host_files import write_mapped
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import apply_options, guess
from batches.prices.merging import OnOverlap
from batches.prices.missing_days import find_gaps, gap_notes, missing_days, trading_days
from batches.prices.options import NO_OPTIONS
from batches.prices.parts import Part, encode_parts, is_long, store_parts
from batches.prices.reading import read_table
from batches.prices.series import decode_prices, encode_bars
from batches.prices.tables import damage_refused

MEASURED = ("beta", "gaps", "bar_days", "periods_per_year", "calendar")
SERIES_PER_STATEMENT = 200  # about 30 MB
one_file_at_a_time = threading.Lock()  # in a process: reading the largest file takes 2 GB


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
    """Prices ready to be stored.

    new : the series that are not stored yet, fresh : the bars of these, parts : of the long ones of these, by symbol;
    bases : for each stored symbol, the series that it had
    """

    hashes: dict[str, str]
    new: list[PriceSeries]
    fresh: dict[str, ParsedSeries]
    parts: dict[str, list[Part]]
    bases: dict[str, int]
    notes: tuple[str, ...]


def read_prices(source: BinaryIO | Path | bytes, *, name: str, options: Mapping[str, str] = NO_OPTIONS) -> ParsedFile:
    """Read a CSV or Parquet file; `BadPriceFile` lists its problems.

    options : how to read it, see `mapping.apply_options`; the rest is guessed.
    """
    with one_file_at_a_time, damage_refused(name):
        table = read_table(source, name=name, options=options)
        return bars_by_symbol(table, apply_options(guess(table), options, table))


@dataclass(frozen=True)
class Origin:
    """Where prices come from, for the record of the import."""

    name: str
    size: int
    channel: str
    source: str = ""
    owner: User | None = None


def import_prices(parsed: ParsedFile, origin: Origin, *, on_overlap: OnOverlap = OnOverlap.REFUSE) -> ImportReport:
    """Store the prices and a record of the import in one transaction."""
    prepared = prepare(parsed, source=origin.source or origin.name, on_overlap=on_overlap)
    with transaction.atomic():
        report = store(prepared)
        now = timezone.now()
        PriceImport.objects.create(
            name=origin.name[:200],
            size=origin.size,
            source=(origin.source or origin.name)[:200],
            channel=origin.channel,
            owner=origin.owner,
            outcome=PriceImport.Outcome.STORED,
            summary=str(report),
            created_at=now,
            stored_at=now,
        )
    return report


def prepare(parsed: ParsedFile, *, source: str, on_overlap: OnOverlap = OnOverlap.REFUSE) -> Prepared:
    """Merge, hash and compress, which takes longest, before the transaction blocks other writers.

    `PricesDiffer` lists the symbols whose bars are not the stored ones, if the choice is to refuse them.
    """
    current = stored_versions(series.symbol for series in parsed.series)
    changes = find_changes(parsed.series, current, on_overlap)
    if problems := problems_of(changes):
        raise PricesDiffer(problems)
    hashes = {change.series.symbol: change.sha256 for change in changes}
    versions = _versions(hashes)
    unknown = {symbol for symbol in hashes if symbol not in versions}
    fresh = {change.series.symbol: change.series for change in changes if change.series.symbol in unknown}
    new = [_series(series, hashes[symbol], source[:200]) for symbol, series in fresh.items()]
    parts = {symbol: encode_parts(series.columns) for symbol, series in fresh.items() if is_long(series.columns)}
    gaps = find_gaps(parsed, [series for series in parsed.series if series.symbol in unknown])
    bases = {symbol: version.series_id for symbol, version in current.items()}
    return Prepared(hashes, new, fresh, parts, bases, (*parsed.notes, *gap_notes(gaps), *change_notes(changes)))


def store(prepared: Prepared) -> ImportReport:
    """Older versions stay, so that batches on them can be replayed; content that returns is used again."""
    hashes, now = prepared.hashes, timezone.now()
    with transaction.atomic():
        # Another process may store the same content, or add the same symbol, meanwhile: then its rows are used.
        PriceSeries.objects.bulk_create(prepared.new, batch_size=SERIES_PER_STATEMENT, ignore_conflicts=True)
        versions = _versions(hashes)
        for symbol, parts in prepared.parts.items():
            store_parts(versions[symbol], parts)
        stored = Instrument.objects.in_bulk(list(hashes), field_name="symbol")
        _require_unchanged(stored, prepared.bases, versions)
        added = [Instrument(symbol=s, series_id=versions[s]) for s in hashes if s not in stored]
        updated = [instrument for symbol, instrument in stored.items() if instrument.series_id != versions[symbol]]
        for instrument in updated:
            instrument.series_id, instrument.updated_at = versions[instrument.symbol], now
        Instrument.objects.bulk_create(
            added, update_conflicts=True, unique_fields=["symbol"], update_fields=["series", "updated_at"]
        )
        Instrument.objects.bulk_update(updated, ["series", "updated_at"], batch_size=SERIES_PER_STATEMENT)
        changed = {instrument.symbol for instrument in (*added, *updated)}
        _measure(changed, prepared.fresh)
    transaction.on_commit(lambda: _map(prepared))
    return ImportReport(
        added=tuple(instrument.symbol for instrument in added),
        updated=tuple(instrument.symbol for instrument in updated),
        unchanged=tuple(symbol for symbol in hashes if symbol not in changed),
        notes=prepared.notes,
    )


def _require_unchanged(stored: Mapping[str, Instrument], bases: Mapping[str, int], versions: Mapping[str, int]) -> None:
    """The bars were merged with the version of before; another import may have stored other ones since."""
    for symbol, instrument in stored.items():
        if instrument.series_id not in (bases.get(symbol), versions[symbol]):
            raise Conflict(f"The prices of {symbol} were changed by another import. Import the file again.")


def _map(prepared: Prepared) -> None:
    """Write the files of long series now: the first chart would have to decode them."""
    for symbol in prepared.parts:
        write_mapped(prepared.hashes[symbol], prepared.fresh[symbol].columns)


def _measure(changed: Collection[str], fresh: Mapping[str, ParsedSeries]) -> None:
    """Store what is measured of the changed symbols, or of all symbols if the benchmark changed.

    fresh : bars that were stored a moment ago, which need not be read again
    """
    if not changed:
        return
    instruments = Instrument.objects.select_related("series")
    benchmark = instruments.filter(symbol=settings.BENCHMARK_SYMBOL).first()
    market = decode_prices(benchmark.series) if benchmark else None
    market_days = trading_days(market) if market else None
    if market is None or market.symbol not in changed:
        instruments = instruments.filter(symbol__in=list(changed))
    measured = []
    for instrument in instruments.iterator(chunk_size=100):
        own = fresh[instrument.symbol].prices if instrument.symbol in fresh else decode_prices(instrument.series)
        beta = measure_beta(own, market).value if market else None
        measured.append(  # without the bars, to save memory
            Instrument(
                pk=instrument.pk,
                beta=beta,
                gaps=len(missing_days(trading_days(own), market_days)),
                bar_days=None if own.bar_seconds is None else own.bar_seconds / DAY_S,
                periods_per_year=own.periods_per_year,
                calendar=calendar_of(own),
            )
        )
    Instrument.objects.bulk_update(measured, MEASURED, batch_size=500)


def _versions(hashes: Mapping[str, str]) -> dict[str, int]:
    """Return the stored series with that content, by symbol."""
    # Not filtered by hash: SQLite would look up every symbol with every hash.
    rows = PriceSeries.objects.filter(symbol__in=list(hashes)).values_list("symbol", "sha256", "pk")
    return {symbol: pk for symbol, sha256, pk in rows if hashes[symbol] == sha256}


def _series(parsed: ParsedSeries, sha256: str, source: str) -> PriceSeries:
    days, moments = parsed.days, parsed.dates[[0, -1]].astype("datetime64[us]")
    is_within_day = parsed.prices.is_within_day
    return PriceSeries(
        symbol=parsed.symbol,
        sha256=sha256,
        has_ohlc=parsed.has_ohlc,
        first_date=days[0].item(),
        last_date=days[-1].item(),
        first_at=moments[0].item().replace(tzinfo=UTC) if is_within_day else None,
        last_at=moments[-1].item().replace(tzinfo=UTC) if is_within_day else None,
        timezone=parsed.timezone,
        n_bars=len(days),
        source=source,
        data=b"" if is_long(parsed.columns) else encode_bars(parsed.columns),
    )
