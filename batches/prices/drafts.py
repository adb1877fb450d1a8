"""A file of prices between its upload and its import: looked over, read otherwise, stored or thrown away."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import F

from batches.errors import BatchError, Conflict, Detail, TooMany
from batches.models import Instrument, PriceImport
from batches.ops import storage
from batches.prices import importing
from batches.prices.bars import ParsedFile
from batches.prices.gaps import Gap, find_gaps, gap_notes
from batches.prices.importing import ImportReport, content_hash, one_file_at_a_time, read_prices
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import PriceMapping, changed, guess
from batches.prices.tables import Table, read_table

WAITING_AT_ONCE = 8  # files that the database keeps for people who have not decided yet
KEPT_FOR = timedelta(days=1)
SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_SYMBOLS = 6, 12, 100


@dataclass(frozen=True)
class SymbolLine:
    """What the import would do to one symbol."""

    symbol: str
    n_bars: int
    first: date
    last: date
    has_ohlc: bool
    change: str  # new, changed, same
    gap: Gap | None


@dataclass(frozen=True)
class Look:
    """A file as it would be read. n_problems : of which `problems` are the first"""

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
        """The first ones."""
        return list(self.table.columns)[:SHOWN_COLUMNS]

    @property
    def hidden_columns(self) -> int:
        """How many more there are."""
        return max(0, len(self.table.columns) - SHOWN_COLUMNS)


def refuse_when_large(size: int) -> None:
    """BatchError 413 for a file that is larger than what is taken over HTTP."""
    if size > settings.PRICES_MAX_BYTES:
        words = f"file has {size:,} bytes; at most {settings.PRICES_MAX_BYTES:,} are read (PRICES_MAX_BYTES)."
        raise BatchError(words, code="BODY_TOO_LARGE", status=413, details=(Detail("file", words),))


def receive(file: BinaryIO, *, name: str, size: int, source: str, owner: Any, now: datetime) -> PriceImport:
    """Keep a file until someone decides; BatchError when it is no table at all."""
    refuse_when_large(size)
    waiting = PriceImport.objects.filter(outcome=PriceImport.Outcome.WAITING)
    waiting.filter(created_at__lt=now - KEPT_FOR).update(outcome=PriceImport.Outcome.DISCARDED, content=None)
    if waiting.count() >= WAITING_AT_ONCE:
        raise TooMany(f"{WAITING_AT_ONCE} files wait for someone to import or to discard them. Decide on one first.")
    storage.refuse_when_full(size)
    content = file.read()
    with one_file_at_a_time:
        read_table(content, name=name)
    return PriceImport.objects.create(
        name=name[:200],
        size=size,
        source=(source or name)[:200],
        channel=PriceImport.Channel.PAGE,
        owner=owner,
        outcome=PriceImport.Outcome.WAITING,
        created_at=now,
        content=content,
    )


def look(draft: PriceImport, given: Mapping[str, str]) -> Look:
    """What the file holds when it is read so. What is wrong with it is a part of the answer; nothing is stored."""
    parsed, problems, n_problems = ParsedFile([], ()), tuple[Detail, ...](), 0
    with one_file_at_a_time:
        table = read_table(bytes(draft.content or b""), name=draft.name)
        mapping = guess(table)
        try:
            mapping = changed(mapping, given, table)
            parsed = bars_by_symbol(table, mapping)
        except BatchError as error:
            problems = error.details or (Detail("file", error.message),)
            n_problems = getattr(error, "n_problems", len(problems))
    gaps = find_gaps(parsed, parsed.series)
    return Look(
        table=table,
        mapping=mapping,
        head=_head(table),
        symbols=_lines(parsed, gaps),
        n_symbols=len(parsed.series),
        n_bars=sum(len(series.places) for series in parsed.series),
        notes=(*parsed.notes, *gap_notes(gaps)),
        problems=problems,
        n_problems=n_problems,
    )


def _head(table: Table) -> list[list[str]]:
    """The first rows as they stand in the file, each with its line before it."""
    columns = list(table.columns.values())[:SHOWN_COLUMNS]
    rows = zip(*(column.slice(0, SHOWN_ROWS).cast(pa.string()).to_pylist() for column in columns), strict=True)
    return [[str(table.places[number]), *(cell or "" for cell in row)] for number, row in enumerate(rows)]


def _lines(parsed: ParsedFile, gaps: dict[str, Gap]) -> list[SymbolLine]:
    shown = parsed.series[:SHOWN_SYMBOLS]
    present = dict(
        Instrument.objects.filter(symbol__in=[each.symbol for each in shown])
        .annotate(sha256=F("series__sha256"))
        .values_list("symbol", "sha256")
    )
    lines = []
    for each in shown:
        known = present.get(each.symbol)
        days = each.days
        lines.append(
            SymbolLine(
                symbol=each.symbol,
                n_bars=len(days),
                first=days[0].item(),
                last=days[-1].item(),
                has_ohlc={"open", "high", "low"} <= each.columns.keys(),
                change="new" if known is None else "same" if known == content_hash(each) else "changed",
                gap=gaps.get(each.symbol),
            )
        )
    return lines


def store(draft: PriceImport, given: Mapping[str, str], *, now: datetime) -> ImportReport:
    """All of the file, once: who confirms it twice is told so."""
    if draft.content is None:
        raise _decided(draft)
    parsed = read_prices(bytes(draft.content), name=draft.name, given=given)
    prepared = importing.prepare(parsed, source=draft.source)
    with transaction.atomic():
        _decide(draft, PriceImport.Outcome.STORED, stored_at=now)
        report = importing.store(prepared)
        PriceImport.objects.filter(pk=draft.pk).update(summary=str(report))
    return report


def discard(draft: PriceImport) -> None:
    """Nothing of it is stored; that it came stays known."""
    _decide(draft, PriceImport.Outcome.DISCARDED)


def _decide(draft: PriceImport, outcome: PriceImport.Outcome, **more: Any) -> None:
    waiting = PriceImport.objects.filter(pk=draft.pk, outcome=PriceImport.Outcome.WAITING)
    if not waiting.update(outcome=outcome, content=None, **more):
        raise _decided(draft)


def _decided(draft: PriceImport) -> Conflict:
    return Conflict(f"{draft.name} is decided on already.")
