"""A file of prices between its upload and its import: previewed, read with other options, stored or discarded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import BinaryIO

import pyarrow as pa
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from batches.errors import BatchError, Conflict, Detail, TooMany
from batches.models import Instrument, PriceImport
from batches.ops import storage
from batches.prices import importing
from batches.prices.bars import ParsedFile
from batches.prices.importing import ImportReport, content_hash, one_file_at_a_time, read_prices
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import PriceMapping, apply_options, guess
from batches.prices.missing_days import Gap, find_gaps, gap_notes
from batches.prices.tables import Table, read_table

MAX_WAITING = 8  # files that the database keeps until someone decides
KEPT_FOR = timedelta(days=1)
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_SYMBOLS = 6, 12, 100
WAITING, STORED, DISCARDED = PriceImport.Outcome.WAITING, PriceImport.Outcome.STORED, PriceImport.Outcome.DISCARDED


@dataclass(frozen=True)
class SymbolLine:
    symbol: str
    n_bars: int
    first: date
    last: date
    has_ohlc: bool
    change: str  # new, changed, same
    gap: Gap | None


@dataclass(frozen=True)
class Preview:
    """What the import would store. n_problems : of which `problems` are the first"""

    table: Table
    mapping: PriceMapping
    head: list[list[str]]
    symbols: list[SymbolLine]
    n_symbols: int
    n_bars: int
    notes: tuple[str, ...]
    problems: tuple[Detail, ...]
    n_problems: int

    @property
    def columns(self) -> list[str]:
        return list(self.table.columns)[:SHOWN_COLUMNS]

    @property
    def hidden_columns(self) -> int:
        return max(0, len(self.table.columns) - SHOWN_COLUMNS)


def check_upload_size(size: int) -> None:
    limit = settings.PRICES_MAX_BYTES
    if size > limit:
        message = f"file must have at most {limit:,} bytes (PRICES_MAX_BYTES), got {size:,}."
        raise BatchError(message, code="BODY_TOO_LARGE", status=413, details=(Detail("file", message),))


def receive(file: BinaryIO, *, name: str, size: int, source: str, owner: User | None, now: datetime) -> PriceImport:
    """Keep a file for review; BatchError if it is not a table."""
    check_upload_size(size)
    waiting = PriceImport.objects.filter(outcome=WAITING)
    waiting.filter(created_at__lt=now - KEPT_FOR).update(outcome=DISCARDED, content=None)
    if waiting.count() >= MAX_WAITING:
        raise TooMany(f"{MAX_WAITING} files are awaiting review. Import or discard one first.")
    storage.require_space(size)
    content = file.read()
    with one_file_at_a_time:
        read_table(content, name=name)
    return PriceImport.objects.create(
        name=name[:200],
        size=size,
        source=(source or name)[:200],
        channel=PriceImport.Channel.PAGE,
        owner=owner,
        outcome=WAITING,
        created_at=now,
        content=content,
    )


def preview(draft: PriceImport, options: Mapping[str, str]) -> Preview:
    """Read the file with the options. Its problems are part of the preview; nothing is stored."""
    parsed, problems, n_problems = ParsedFile([], ()), tuple[Detail, ...](), 0
    with one_file_at_a_time:
        table = read_table(bytes(draft.content or b""), name=draft.name)
        mapping = guess(table)
        try:
            mapping = apply_options(mapping, options, table)
            parsed = bars_by_symbol(table, mapping)
        except BatchError as error:
            problems = error.details or (Detail("file", error.message),)
            n_problems = getattr(error, "n_problems", len(problems))
    gaps = find_gaps(parsed, parsed.series)
    return Preview(
        table=table,
        mapping=mapping,
        head=_head(table),
        symbols=_symbol_lines(parsed, gaps),
        n_symbols=len(parsed.series),
        n_bars=sum(len(series.places) for series in parsed.series),
        notes=(*parsed.notes, *gap_notes(gaps)),
        problems=problems,
        n_problems=n_problems,
    )


def _head(table: Table) -> list[list[str]]:
    """Return the first rows as they stand in the file, each after its line number."""
    columns = list(table.columns.values())[:SHOWN_COLUMNS]
    rows = zip(*(column.slice(0, SHOWN_ROWS).cast(pa.string()).to_pylist() for column in columns), strict=True)
    return [[str(table.places[number]), *(cell or "" for cell in row)] for number, row in enumerate(rows)]


def _symbol_lines(parsed: ParsedFile, gaps: dict[str, Gap]) -> list[SymbolLine]:
    first_series = parsed.series[:SHOWN_SYMBOLS]
    stored = dict(
        Instrument.objects.filter(symbol__in=[series.symbol for series in first_series])
        .annotate(sha256=F("series__sha256"))
        .values_list("symbol", "sha256")
    )
    lines = []
    for series in first_series:
        sha256 = stored.get(series.symbol)
        days = series.days
        lines.append(
            SymbolLine(
                symbol=series.symbol,
                n_bars=len(days),
                first=days[0].item(),
                last=days[-1].item(),
                has_ohlc=series.has_ohlc,
                change="new" if sha256 is None else "same" if sha256 == content_hash(series) else "changed",
                gap=gaps.get(series.symbol),
            )
        )
    return lines


def store(draft: PriceImport, options: Mapping[str, str], *, now: datetime) -> ImportReport:
    """Store all of the file, once; Conflict on the second call."""
    if draft.content is None:
        raise _already_reviewed(draft)
    parsed = read_prices(bytes(draft.content), name=draft.name, options=options)
    prepared = importing.prepare(parsed, source=draft.source)
    with transaction.atomic():
        _end_review(draft, STORED, stored_at=now)
        report = importing.store(prepared)
        PriceImport.objects.filter(pk=draft.pk).update(summary=str(report))
    return report


def discard(draft: PriceImport) -> None:
    """Delete the content; the record stays."""
    _end_review(draft, DISCARDED)


def _end_review(draft: PriceImport, outcome: PriceImport.Outcome, stored_at: datetime | None = None) -> None:
    waiting = PriceImport.objects.filter(pk=draft.pk, outcome=WAITING)
    if not waiting.update(outcome=outcome, content=None, stored_at=stored_at):
        raise _already_reviewed(draft)


def _already_reviewed(draft: PriceImport) -> Conflict:
    return Conflict(f"{draft.name} was already imported or discarded.")
