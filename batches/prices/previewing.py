"""The preview of a file: how it is read, what is wrong with it, and what an import would store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from backtester.engine.bar_sizes import DAY_S
from batches.errors import BatchError, Detail
from batches.prices.bars import ParsedFile
from batches.prices.changes import WAY_OUT, Change, change_notes, find_changes, problems_of, stored_versions
from batches.prices.importing import one_file_at_a_time
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import PriceMapping, apply_options, guess
from batches.prices.merging import OnOverlap, chosen_overlap
from batches.prices.missing_days import Gap, find_gaps, gap_notes
from batches.prices.options import Layout
from batches.prices.reading import read_table
from batches.prices.tables import Table, damage_refused
from batches.symbols import is_allowed, normalized

SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_SYMBOLS, SHOWN_DIFFERENCES = 6, 12, 100, 20


@dataclass(frozen=True)
class SymbolLine:
    """One symbol of the file. change : new, same or changed; sentence : what happens to the stored bars"""

    symbol: str
    written: str  # its name in the file
    n_bars: int
    first: date
    last: date
    has_ohlc: bool
    bar_days: float | None
    periods_per_year: float
    change: str
    sentence: str
    gap: Gap | None


@dataclass(frozen=True)
class Preview:
    """What the import would store.

    problems : the first of `n_problems`, which prevent the import; differing : the first of `n_differing` symbols whose
    bars are not the stored ones; skipped : the first of `n_skipped` rows that are left out; unusable : the first names
    in the file that cannot be symbols
    """

    table: Table
    mapping: PriceMapping
    head: list[list[str]]
    on_overlap: OnOverlap
    symbols: list[SymbolLine]
    n_symbols: int
    n_bars: int
    unusable: list[str]
    notes: tuple[str, ...]
    problems: tuple[Detail, ...] = ()
    n_problems: int = 0
    differing: tuple[Detail, ...] = ()
    n_differing: int = 0
    skipped: tuple[Detail, ...] = ()
    n_skipped: int = 0

    @property
    def columns(self) -> list[str]:
        return list(self.table.columns)[:SHOWN_COLUMNS]

    @property
    def hidden_columns(self) -> int:
        return max(0, len(self.table.columns) - SHOWN_COLUMNS)

    @property
    def renamable(self) -> list[tuple[str, str]]:
        """Return (name in the file, chosen name) of the first symbols, and of all that are renamed or left out."""
        if self.mapping.layout is Layout.SINGLE:
            return list(self.mapping.renames.items())
        names = {line.written: line.symbol for line in self.symbols} | {name: name for name in self.unusable}
        names |= self.mapping.renames
        return sorted(names.items())

    @property
    def bars_word(self) -> str:
        return "daily bars" if all(line.bar_days == 1 for line in self.symbols) else "bars"

    @property
    def changes_stored(self) -> bool:
        return bool(self.n_differing) or any(line.change == "changed" for line in self.symbols)

    @property
    def way_out(self) -> str:
        return WAY_OUT


@dataclass
class _Reading:
    """How far a file was read; problem : why not further"""

    table: Table
    mapping: PriceMapping = field(default_factory=lambda: PriceMapping(Layout.LONG))
    head: list[list[str]] = field(default_factory=list)
    parsed: ParsedFile = field(default_factory=lambda: ParsedFile([], ()))
    problem: BatchError | None = None

    @property
    def problems(self) -> tuple[Detail, ...]:
        return (self.problem.details or (Detail("file", self.problem.message),)) if self.problem else ()

    def read(self, content: bytes, options: Mapping[str, str]) -> None:
        name = self.table.name
        try:
            with damage_refused(name):
                self.table = read_table(content, name=name, options=options)
                self.mapping, self.head = guess(self.table), _head(self.table)
                self.mapping = apply_options(self.mapping, options, self.table)
                self.parsed = bars_by_symbol(self.table, self.mapping)
        except BatchError as error:
            self.problem = self.problem or error


def preview(content: bytes, name: str, options: Mapping[str, str]) -> Preview:
    """Read the file with the options. Its problems are part of the preview, so that any file can be discarded."""
    on_overlap, reading = chosen_overlap(options), _Reading(Table(name, {}, np.empty(0, dtype=np.int64), "row"))
    with one_file_at_a_time:
        reading.read(content, options)
        if options and not reading.head:  # a chosen header, encoding or part does not fit: show the file as detected
            reading.read(content, {})
    parsed = ParsedFile([], ()) if reading.problem else reading.parsed
    current = stored_versions(series.symbol for series in parsed.series)
    changes = find_changes(parsed.series, current, on_overlap)
    gaps, differing = find_gaps(parsed, parsed.series), problems_of(changes)
    return Preview(
        table=reading.table,
        mapping=reading.mapping,
        head=reading.head,
        on_overlap=on_overlap,
        symbols=_symbol_lines(parsed, changes, gaps, reading.mapping),
        n_symbols=len(parsed.series),
        n_bars=sum(len(series.places) for series in parsed.series),
        unusable=_unusable(reading.table, reading.mapping),
        notes=(*(reading.table.notes if reading.problem else parsed.notes), *gap_notes(gaps), *change_notes(changes)),
        problems=reading.problems,
        n_problems=getattr(reading.problem, "n_problems", len(reading.problems)),
        differing=tuple(differing[:SHOWN_DIFFERENCES]),
        n_differing=len(differing),
        skipped=parsed.skipped,
        n_skipped=parsed.n_skipped,
    )


def _unusable(table: Table, mapping: PriceMapping) -> list[str]:
    """Return the first names that cannot be symbols, to be renamed."""
    if mapping.layout is Layout.WIDE:
        names = [name for name in table.columns if name not in mapping.columns.values()]
    elif mapping.layout is Layout.LONG and mapping.columns.get("symbol") in table.columns:
        cells = table.columns[mapping.columns["symbol"]].cast(pa.string()).unique().to_pylist()
        names = [name for name in cells if name]
    else:
        names = []
    symbols = dict.fromkeys(map(normalized, names))
    return [symbol for symbol in symbols if symbol.isprintable() and not is_allowed(symbol)][:SHOWN_DIFFERENCES]


def _head(table: Table) -> list[list[str]]:
    """Return the first rows as they stand in the file, each after its line number."""
    columns = list(table.columns.values())[:SHOWN_COLUMNS]
    rows = zip(*(column.slice(0, SHOWN_ROWS).cast(pa.string()).to_pylist() for column in columns), strict=True)
    return [[str(table.places[number]), *(cell or "" for cell in row)] for number, row in enumerate(rows)]


def _symbol_lines(
    parsed: ParsedFile, changes: list[Change], gaps: dict[str, Gap], mapping: PriceMapping
) -> list[SymbolLine]:
    written = {name: symbol for symbol, name in mapping.renames.items() if name}
    lines = []
    for series, change in zip(parsed.series[:SHOWN_SYMBOLS], changes, strict=False):
        prices, days = series.prices, series.days
        lines.append(
            SymbolLine(
                symbol=series.symbol,
                written=written.get(series.symbol, series.symbol),
                n_bars=len(days),
                first=days[0].item(),
                last=days[-1].item(),
                has_ohlc=series.has_ohlc,
                bar_days=None if prices.bar_seconds is None else prices.bar_seconds / DAY_S,
                periods_per_year=prices.periods_per_year,
                change=change.kind,
                sentence=change.problem or change.sentence,
                gap=gaps.get(series.symbol),
            )
        )
    return lines
