"""From a table to the checked daily bars of each symbol, by its mapping."""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from django.conf import settings

from batches.prices.bars import Bars, Notes, ParsedFile, checked_series
from batches.prices.cells import Moments, moments, numbers
from batches.prices.mapping import VALUES, Layout, PriceMapping, texts
from batches.prices.tables import BadPriceFile, Table

CELLS_AT_ONCE = 1_000_000
SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9._^=/-]{0,23}")

Whole = npt.NDArray[np.int64]


def bars_by_symbol(table: Table, mapping: PriceMapping) -> ParsedFile:
    """Every symbol of the table, sorted by date, checked; BadPriceFile with what is wrong."""
    _check_columns(table, mapping)
    notes = Notes(decimal_comma=mapping.decimal == ",")
    parts = _wide(table, mapping) if mapping.layout is Layout.WIDE else [_long(table, mapping)]
    series = [each for bars in parts for each in checked_series(bars, notes)]
    return ParsedFile(series, notes.words(), table.place_word)


def _check_columns(table: Table, mapping: PriceMapping) -> None:
    has = mapping.columns.keys()
    shapes = "wanted are symbol, date, close (and open, high, low, volume, adj_close), or date and a column a symbol"
    if "date" not in has:
        raise BadPriceFile(table.name, ("line 1", f"there is no column 'date'; {shapes}"))
    if mapping.layout is Layout.LONG and "symbol" not in has:
        raise BadPriceFile(table.name, ("line 1", f"there is no column 'symbol'; {shapes}"))
    if mapping.layout is not Layout.WIDE and not has & {"close", "adj_close"}:
        raise BadPriceFile(table.name, ("line 1", f"there is no column 'close'; {shapes}"))
    if len(set(mapping.columns.values())) < len(mapping.columns):
        raise BadPriceFile(table.name, ("line 1", "one column is taken for two things; each has one meaning"))


def _long(table: Table, mapping: PriceMapping) -> Bars:
    """A file for one symbol, as many sources give it, carries the symbol in its name: AAPL.csv."""
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


def _coded_symbols(column: pa.ChunkedArray) -> tuple[Whole, list[str]]:
    """The number of each row's symbol, and the symbols, sorted."""
    coded = (column if texts(column) else column.cast(pa.string())).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    written = [*(str(text or "").strip().upper() for text in coded.dictionary.cast(pa.string()).to_pylist()), ""]
    names, number = np.unique(np.array(written, dtype=object), return_inverse=True)
    codes = number[coded.indices.fill_null(len(written) - 1).to_numpy()].astype(np.int64)
    present = np.unique(codes)
    return np.searchsorted(present, codes), [str(name) for name in names[present]]


def _wide(table: Table, mapping: PriceMapping) -> Iterator[Bars]:
    """Some columns at a time, to spare memory."""
    columns = sorted((name for name in table.columns if name != mapping.columns["date"]), key=str.upper)
    if not columns:
        raise BadPriceFile(table.name, ("line 1", "there is no column with prices beside the dates"))
    _check_symbols(table, [name.upper() for name in columns], None)
    times = moments(table, mapping)
    step = max(1, CELLS_AT_ONCE // len(times))
    for start in range(0, len(columns), step):
        yield _stacked(table, mapping, columns[start : start + step], times)


def _stacked(table: Table, mapping: PriceMapping, columns: list[str], times: Moments) -> Bars:
    """A cell that is empty is a day without a bar: not every symbol was listed all the time."""
    rows, closes = [], []
    for name in columns:
        close = numbers(table, name, mapping.decimal)
        present = np.flatnonzero(~np.isnan(close))
        if not present.size:
            raise BadPriceFile(table.name, (f"column {name}", "there is no price in it"))
        rows.append(present)
        closes.append(close[present])
    taken = np.concatenate(rows)
    codes = np.repeat(np.arange(len(columns)), [len(each) for each in rows])
    names = [name.upper() for name in columns]
    return Bars(table, taken, names, codes, times[taken], {"close": np.concatenate(closes)})


def _check_symbols(table: Table, names: list[str], codes: Whole | None) -> None:
    """codes : the symbol of each row; None where the symbols stand in the header."""
    limit = settings.PRICES_MAX_SYMBOLS
    if len(names) > limit:
        words = f"it has {len(names):,} symbols; at most {limit:,} are read (PRICES_MAX_SYMBOLS)"
        raise BadPriceFile(table.name, ("", words))
    for number, name in enumerate(names):
        if not SYMBOL.fullmatch(name):
            place = "line 1" if codes is None else table.place(np.argmax(codes == number))
            wanted = "1 to 24 letters, digits and . _ ^ = / - are wanted"
            raise BadPriceFile(table.name, (place, f"the symbol {name[:40]!r} cannot be used; {wanted}"))
