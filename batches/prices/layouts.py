"""From a table to the checked daily bars of each symbol, by its mapping."""

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from django.conf import settings

from batches.prices.bars import Bars, Indices, Notes, ParsedFile, checked_series
from batches.prices.cells import Moments, moments, numbers
from batches.prices.mapping import VALUES, Layout, PriceMapping, is_text
from batches.prices.tables import BadPriceFile, Table

CELLS_AT_ONCE = 1_000_000
SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9._^=/-]{0,23}")
EXPECTED = "expected symbol, date, close (and open, high, low, volume, adj_close), or date and a column for each symbol"


def bars_by_symbol(table: Table, mapping: PriceMapping) -> ParsedFile:
    """Return the bars of every symbol, checked and sorted by date; BadPriceFile lists the problems."""
    _check_columns(table, mapping)
    notes = Notes(decimal_comma=mapping.decimal == ",")
    parts = _wide(table, mapping) if mapping.layout is Layout.WIDE else [_long(table, mapping)]
    series = [series for bars in parts for series in checked_series(bars, notes)]
    return ParsedFile(series, notes.sentences(), table.place_word)


def _check_columns(table: Table, mapping: PriceMapping) -> None:
    roles = mapping.columns.keys()
    missing = ""
    if "date" not in roles:
        missing = "date"
    elif mapping.layout is Layout.LONG and "symbol" not in roles:
        missing = "symbol"
    elif mapping.layout is not Layout.WIDE and not roles & {"close", "adj_close"}:
        missing = "close"
    if missing:
        raise BadPriceFile(table.name, ("line 1", f"column {missing!r} is missing; {EXPECTED}"))
    if len(set(mapping.columns.values())) < len(mapping.columns):
        raise BadPriceFile(table.name, ("line 1", "one column is used for two roles"))


def _long(table: Table, mapping: PriceMapping) -> Bars:
    if mapping.layout is Layout.SINGLE:
        codes, names = np.zeros(len(table.places), dtype=np.int64), [mapping.symbol]
    else:
        codes, names = _coded_symbols(table.columns[mapping.columns["symbol"]])
    _check_symbols(table, names, codes)
    values = {
        name: numbers(table, mapping.columns[name], mapping.decimal) for name in VALUES if name in mapping.columns
    }
    if "close" not in values:
        values["close"] = values.pop("adj_close")
    return Bars(table, np.arange(len(table.places)), names, codes, moments(table, mapping), values)


def _coded_symbols(column: pa.ChunkedArray) -> tuple[Indices, list[str]]:
    """Return the index of each row's symbol, and the symbols, sorted."""
    coded = (column if is_text(column) else column.cast(pa.string())).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    written = [*(str(text or "").strip().upper() for text in coded.dictionary.cast(pa.string()).to_pylist()), ""]
    names, number = np.unique(np.array(written, dtype=object), return_inverse=True)
    codes = number[coded.indices.fill_null(len(written) - 1).to_numpy()].astype(np.int64)
    present = np.unique(codes)
    return np.searchsorted(present, codes), [str(name) for name in names[present]]


def _wide(table: Table, mapping: PriceMapping) -> Iterator[Bars]:
    """Yield some columns at a time, to save memory."""
    columns = sorted((name for name in table.columns if name != mapping.columns["date"]), key=str.upper)
    if not columns:
        raise BadPriceFile(table.name, ("line 1", "there are no price columns"))
    _check_symbols(table, [name.upper() for name in columns], None)
    times = moments(table, mapping)
    step = max(1, CELLS_AT_ONCE // len(times))
    for start in range(0, len(columns), step):
        yield _stacked(table, mapping, columns[start : start + step], times)


def _stacked(table: Table, mapping: PriceMapping, columns: list[str], times: Moments) -> Bars:
    """Skip empty cells: a symbol may be listed for a part of the time."""
    rows, closes = [], []
    for name in columns:
        close = numbers(table, name, mapping.decimal)
        present = np.flatnonzero(~np.isnan(close))
        if not present.size:
            raise BadPriceFile(table.name, (f"column {name}", "it contains no prices"))
        rows.append(present)
        closes.append(close[present])
    codes = np.repeat(np.arange(len(columns)), [len(present) for present in rows])
    names = [name.upper() for name in columns]
    all_rows = np.concatenate(rows)
    return Bars(table, all_rows, names, codes, times[all_rows], {"close": np.concatenate(closes)})


def _check_symbols(table: Table, names: list[str], codes: Indices | None) -> None:
    """codes : the symbol of each row; None if the header holds the symbols."""
    limit = settings.PRICES_MAX_SYMBOLS
    if len(names) > limit:
        message = f"the file must have at most {limit:,} symbols (PRICES_MAX_SYMBOLS), got {len(names):,}"
        raise BadPriceFile(table.name, ("", message))
    for number, name in enumerate(names):
        if not SYMBOL.fullmatch(name):
            place = "line 1" if codes is None else table.place(np.argmax(codes == number))
            allowed = "1 to 24 letters, digits and . _ ^ = / -"
            raise BadPriceFile(table.name, (place, f"symbol must be {allowed}, got {name[:40]!r}"))
