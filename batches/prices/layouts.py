"""From a table to the checked daily bars of each symbol, by its mapping."""

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings

from batches.prices.bar_rows import Bars, Indices
from batches.prices.bars import ParsedFile, checked_series
from batches.prices.cells import Floats, numbers
from batches.prices.mapping import PriceMapping
from batches.prices.moments import Times, bad_moment, is_in_range, moments
from batches.prices.named_columns import is_filled, is_moments
from batches.prices.notes import Notes
from batches.prices.options import VALUES, BadRow, Layout
from batches.prices.problems import RowProblems
from batches.prices.tables import BadPriceFile, Table, coded
from batches.symbols import ALLOWED, is_allowed, normalized

Bools = npt.NDArray[np.bool_]
PROTECTED = re.compile(r"""^(?:'|=")([^'"]+)"?$""")  # `'000001`, `="000001"`: text for a spreadsheet, not a number
CELLS_AT_ONCE = 1_000_000
UNKNOWN_VOLUME = -1.0
EXPECTED = "expected symbol, date, close (and open, high, low, volume, adj_close), or date and a column for each symbol"


def bars_by_symbol(table: Table, mapping: PriceMapping) -> ParsedFile:
    """Return the bars of every symbol, checked and sorted by date; BadPriceFile lists the problems."""
    _check_columns(table, mapping)
    is_wide = mapping.layout is Layout.WIDE
    notes = Notes(decimal_comma=mapping.decimal == ",")
    problems = RowProblems(table, mapping.on_bad_row, whole_rows=not is_wide)
    parts = _wide(table, mapping, problems, notes) if is_wide else _long(table, mapping, problems, notes)
    series = [series for bars in parts for series in checked_series(bars, notes, problems)]
    problems.refuse()
    if not series:
        raise problems.refusal() if problems.count else BadPriceFile(table.name, ("", "there are no bars"))
    guesses = [*mapping.notes, *filter(None, [mapping.symbol_note, mapping.decimal_note])]
    sentences = [*table.notes, *guesses, *notes.sentences(), *problems.note()]
    return ParsedFile(series, tuple(sentences), table.place_word, problems.details(), problems.count)


def _check_columns(table: Table, mapping: PriceMapping) -> None:
    roles, place = mapping.columns.keys(), table.header_place
    missing = ""
    if "date" not in roles:
        missing = "date"
    elif mapping.layout is Layout.LONG and "symbol" not in roles:
        missing = "symbol"
    elif mapping.layout is not Layout.WIDE and not roles & {"close", "adj_close"}:
        missing = "close"
    if missing:
        raise BadPriceFile(table.name, (place, f"column {missing!r} is missing; {EXPECTED}"))
    if len(set(mapping.columns.values())) < len(mapping.columns):
        raise BadPriceFile(table.name, (place, "one column is used for two roles"))
    for role, column in mapping.columns.items():
        copies = [copy for copy, first in table.duplicates.items() if first == column]
        if any(not _same(table, copy, column) for copy in copies):
            message = f"duplicate column {column[:40]!r}; choose one of the two with column.{role}"
            raise BadPriceFile(table.name, (place, message))


def _same(table: Table, one: str, other: str) -> bool:
    equal = pc.equal(table.columns[one].cast(pa.string()), table.columns[other].cast(pa.string()))
    return bool(pc.all(equal).as_py())


# ---- One row for each bar --------------------------------------------------------------------------------------------


def _long(table: Table, mapping: PriceMapping, problems: RowProblems, notes: Notes) -> Iterator[Bars]:
    if mapping.layout is Layout.SINGLE:
        names, codes = [mapping.symbol], np.zeros(len(table.places), dtype=np.int64)
    else:
        names, codes = _coded_symbols(table.columns[mapping.columns["symbol"]])
    unused = np.append(_unused(table, names, mapping, notes), False)[codes]
    values = {
        role: numbers(table, mapping.columns[role], mapping.decimal, problems)
        for role in VALUES
        if role in mapping.columns
    }
    if "volume" in values:
        values["volume"] = np.where(values["volume"] == UNKNOWN_VOLUME, np.nan, values["volume"])
    unused |= _empty_rows(table, values, problems, notes)
    _check_symbols(names, codes, unused, mapping, problems)
    times = moments(table, mapping)
    notes.period = times.period
    problems.add(~is_in_range(times) & ~unused, lambda row: bad_moment(table, mapping, row))
    if "close" not in values:
        values["close"] = values.pop("adj_close")
    rows = np.flatnonzero(~(unused | problems.bad))
    names, codes = _merged([mapping.renames.get(name, name) for name in names], codes[rows])
    if len(rows) < len(unused):
        values, times = {name: column[rows] for name, column in values.items()}, times.take(rows)
    yield Bars(table, rows, names, codes, times, values)


def _coded_symbols(column: pa.ChunkedArray) -> tuple[list[str], Indices]:
    """Return the distinct symbols, and the index of each row's; an empty cell is the symbol ""."""
    words, codes = coded(column)
    return _merged([*(normalized(PROTECTED.sub(r"\1", word)) for word in words.to_pylist()), ""], codes)


def _merged(names: list[str], codes: Indices) -> tuple[list[str], Indices]:
    """Sort the names, and give equal ones one code; leave out those without a row."""
    if len(names) == 1:
        return names, codes
    distinct, numbers_of = np.unique(np.array(names, dtype=object), return_inverse=True)
    present, codes = np.unique(numbers_of[codes], return_inverse=True)
    return [str(distinct[number]) for number in present], codes.astype(np.int64)


def _unused(table: Table, names: list[str], mapping: PriceMapping, notes: Notes) -> Bools:
    """Return which symbols the options leave out, and note them and those that get another name."""
    limit = settings.PRICES_MAX_SYMBOLS
    if len(names) > limit:
        message = f"the file must have at most {limit:,} symbols (PRICES_MAX_SYMBOLS), got {len(names):,}"
        raise BadPriceFile(table.name, ("", message))
    for name in names:
        if name in mapping.renames and mapping.renames[name] != name:
            notes.renamed.append((name, mapping.renames[name]))
    return np.array([not mapping.renames.get(name, name) and name in mapping.renames for name in names], dtype=bool)


def _empty_rows(table: Table, values: dict[str, Floats], problems: RowProblems, notes: Notes) -> Bools:
    """Return which rows have no price at all: days without a bar."""
    empty = ~problems.bad
    for role, column in values.items():
        if role != "volume":
            empty &= np.isnan(column)
            if not empty.any():
                break
    if empty.any():
        notes.n_empty += int(empty.sum())
        notes.empty = notes.empty or table.place(np.argmax(empty))
    return empty


def _check_symbols(
    names: list[str], codes: Indices, unused: Bools, mapping: PriceMapping, problems: RowProblems
) -> None:
    """Only the rows of a symbol that cannot be stored are bad."""
    allowed = np.array([is_allowed(mapping.renames.get(name, name)) for name in names], dtype=bool)
    if not allowed.all():
        problems.add(~allowed[codes] & ~unused, lambda row: bad_symbol(names[codes[row]]))


def bad_symbol(name: str) -> str:
    if not name:
        return "symbol is missing"
    return f"symbol must be {ALLOWED}, got {name[:40]!r}; set rename.{name[:40]} to another name"


# ---- One row for each day --------------------------------------------------------------------------------------------


def _wide(table: Table, mapping: PriceMapping, problems: RowProblems, notes: Notes) -> Iterator[Bars]:
    """Yield some columns at a time, to save memory."""
    columns = _symbol_columns(table, mapping, notes)
    times = moments(table, mapping)
    notes.period = times.period
    invalid = ~is_in_range(times)
    filled = is_filled([table.columns[column] for _, column in columns]) if invalid.any() else invalid
    problems.add(invalid & filled, lambda row: bad_moment(table, mapping, row))
    step = max(1, CELLS_AT_ONCE // len(table.places))
    n_bars = 0
    for start in range(0, len(columns), step):
        closes = {
            name: numbers(table, column, mapping.decimal, problems) for name, column in columns[start : start + step]
        }
        for name, close in closes.items():
            if np.isnan(close).all():
                notes.empty_columns.append(name)
        closes = {name: close for name, close in closes.items() if not np.isnan(close).all()}
        rows = [np.flatnonzero(~np.isnan(close) & ~invalid) for close in closes.values()]
        n_bars += sum(map(len, rows))
        if any(map(len, rows)):
            yield _stacked(table, closes, rows, times.take(np.concatenate(rows)))
    problems.refuse()
    if not n_bars and not problems.count:
        place = f"column {columns[0][1]}" if len(columns) == 1 else ""
        raise BadPriceFile(table.name, (place, "it contains no prices" if place else "no column contains prices"))


def _stacked(table: Table, closes: dict[str, Floats], rows: list[npt.NDArray[np.intp]], times: Times) -> Bars:
    """An empty cell is a day without a bar: a symbol may be listed for a part of the time."""
    codes = np.repeat(np.arange(len(closes)), [len(present) for present in rows])
    close = np.concatenate([close[present] for close, present in zip(closes.values(), rows, strict=True)])
    return Bars(table, np.concatenate(rows), list(closes), codes, times, {"close": close})


def _symbol_columns(table: Table, mapping: PriceMapping, notes: Notes) -> list[tuple[str, str]]:
    """Return symbol and column of those that are to be read, by symbol."""
    keys = {mapping.columns["date"], mapping.columns.get("time"), table.symbol_column}
    dates = [name for name in table.columns if name not in keys and is_moments(table.columns[name], but_numbers=True)]
    notes.date_columns.extend(dates)
    columns = [name for name in table.columns if name not in keys and name not in dates]
    place = table.header_place
    if not columns:
        raise BadPriceFile(table.name, (place, "there are no price columns"))
    for name in columns:
        if name in table.unnamed:
            raise BadPriceFile(table.name, (place, f"{name} has no name"))
        if name in table.duplicates:
            raise BadPriceFile(table.name, (place, f"duplicate column {table.duplicates[name][:40].lower()!r}"))
    names = [normalized(name) for name in columns]
    unused = _unused(table, names, mapping, notes)
    pairs = sorted(
        (mapping.renames.get(name, name), column)
        for name, column, out in zip(names, columns, unused, strict=True)
        if not out
    )
    bad = [name for name, _ in pairs if not is_allowed(name)]
    if bad and mapping.on_bad_row is BadRow.REFUSE:
        raise BadPriceFile(table.name, *((place, bad_symbol(name)) for name in bad))
    notes.bad_symbols.extend(bad)
    twice = next((one for (one, _), (other, _) in pairwise(pairs) if one == other), None)
    if twice:
        raise BadPriceFile(table.name, (place, f"two columns are the symbol {twice}"))
    return [pair for pair in pairs if pair[0] not in bad]
