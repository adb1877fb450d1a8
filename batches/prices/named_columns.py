"""From columns to a table with distinct names: unnamed, empty, duplicate and two-level columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batches.prices.column_names import candidates, is_known, is_listed, is_unnamed, is_value
from batches.prices.shapes import is_moment, is_number
from batches.prices.tables import MAX_CELL_BYTES, BadPriceFile, Table, check_size, is_text
from batches.symbols import normalized

SAMPLED_ROWS = 100
SEPARATORS = "._ -|:"


def named_table(
    table: Table, names: Sequence[str], columns: Sequence[pa.ChunkedArray], symbols: Sequence[str] | None = None
) -> Table:
    """Return the table with its columns. symbols : of each column, empty for those of all symbols"""
    if len(candidates(names, "date")) > 1:
        names, columns, symbols = _beside_each_other(names, columns, symbols)
    if symbols is None:
        own, unnamed, duplicates = _distinct(names, columns, table)
        table = replace(table, columns=own, unnamed=frozenset(unnamed), duplicates=duplicates)
        levels = _flattened(table)
    else:
        keys = [f"{name} {symbol}".strip() for name, symbol in zip(names, symbols, strict=True)]
        own, _, _ = _distinct(keys, columns, table)
        table = replace(table, columns=own)
        levels = {key: (name, symbol) for key, name, symbol in zip(own, names, symbols, strict=True) if symbol}
    return _stacked(table, levels) if levels else table


def _distinct(
    names: Sequence[str], columns: Sequence[pa.ChunkedArray], table: Table
) -> tuple[dict[str, pa.ChunkedArray], list[str], dict[str, str]]:
    """Give each column a name of its own; leave out unnamed ones that are empty, or that count the rows."""
    check_size(0, len(names), table.name)
    named: dict[str, pa.ChunkedArray] = {}
    unnamed, duplicates = list[str](), dict[str, str]()
    firsts, copies = dict[str, str](), Counter[str]()
    for number, (name, column) in enumerate(zip(names, columns, strict=True), 1):
        own = name
        if is_unnamed(name):
            if _is_empty(column) or (number == 1 and table.format.header is not None and _counts(column)):
                continue
            own = f"column {number}"
            unnamed.append(own)
        elif name.lower() in firsts:
            while own.lower() in firsts:
                copies[name.lower()] += 1
                own = f"{name} ({copies[name.lower()] + 1})"
            duplicates[own] = firsts[name.lower()]
        firsts[own.lower()] = own
        named[own] = column
    return named, unnamed, duplicates


def _is_empty(column: pa.ChunkedArray) -> bool:
    if column.null_count == len(column):
        return True
    return is_text(column) and not pc.any(pc.not_equal(pc.utf8_trim_whitespace(column.cast(pa.string())), "")).as_py()


def _counts(column: pa.ChunkedArray) -> bool:
    """Return whether the cells are 0, 1, 2 ... or 1, 2, 3 ..."""
    sample = column.slice(0, SAMPLED_ROWS).cast(pa.string()).to_pylist()
    start = sample[0] if sample else ""
    return start in ("0", "1") and sample == [str(number) for number in range(int(start), int(start) + len(sample))]


def is_moments(column: pa.ChunkedArray, *, but_numbers: bool = False) -> bool:
    """Return whether the first cells may be dates or times since 1970. but_numbers : not 20240102 or 1704153600"""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return True
    sample = column.slice(0, SAMPLED_ROWS)
    texts = [str(text) for text in sample.cast(pa.string()).to_pylist() if text and str(text).strip()]
    n_moments = sum(is_moment(text) and not (but_numbers and is_number(text)) for text in texts)
    return bool(texts) and n_moments >= 0.5 * len(texts)


# ---- Two levels ------------------------------------------------------------------------------------------------------


def _flattened(table: Table) -> dict[str, tuple[str, str]]:
    """Return field and symbol of names such as `AAPL.Close` or `Close_AAPL`, if all but the keys are of that form."""
    keys = {*candidates(table.columns, "date"), *candidates(table.columns, "date", weak=True), *table.unnamed}
    names = [name for name in table.columns if name not in keys]
    if not names or candidates(names, "close") or candidates(names, "adj_close"):
        return {}
    levels = {name: parts for name in names if (parts := _parts(name))}
    fields = {field.lower() for field, _ in levels.values()}
    has_closes = any(candidates([field], "close") or candidates([field], "adj_close") for field in fields)
    return levels if len(levels) == len(names) and has_closes else {}


def _beside_each_other(
    names: Sequence[str], columns: Sequence[pa.ChunkedArray], symbols: Sequence[str] | None
) -> tuple[Sequence[str], Sequence[pa.ChunkedArray], Sequence[str] | None]:
    """Give each column of tables with dates of their own a symbol: that of the line above, or the name of the prices.

    Bloomberg and LSEG write so: `Date, AAPL, Date, MSFT`.
    """
    filled = [index for index, name in enumerate(names) if not (is_unnamed(name) and _is_empty(columns[index]))]
    names, columns = [names[index] for index in filled], [columns[index] for index in filled]
    if symbols is not None:
        return names, columns, [symbols[index] for index in filled]
    is_date = [bool(candidates([name], "date")) for name in names]
    pairs = list(zip(names[::2], names[1::2], strict=False))
    if is_date != [True, False] * (len(names) // 2) or any(is_known(name) for _, name in pairs):
        return names, columns, None
    return ["Date", "Close"] * len(pairs), columns, [name for _, name in pairs for _ in range(2)]


def _parts(name: str) -> tuple[str, str] | None:
    for position in (index for index, letter in enumerate(name) if letter in SEPARATORS):
        before, after = name[:position].strip(SEPARATORS), name[position + 1 :].strip(SEPARATORS)
        if is_known(before) and after and not is_listed(f"{before} {after}") and _is_ticker(after):
            return before, after
        if is_known(after) and before and not is_listed(f"{before} {after}") and _is_ticker(before):
            return after, before
    return None


def _is_ticker(text: str) -> bool:
    return text == text.upper() and " " not in text and not text.isdigit() and not is_value(text)


def _stacked(table: Table, levels: dict[str, tuple[str, str]]) -> Table:
    """Put the columns of each symbol under those of the symbol before it."""
    keys = [name for name in table.columns if name not in levels]
    symbols = list(dict.fromkeys(normalized(symbol) for _, symbol in levels.values()))
    fields = list(dict.fromkeys(field for field, _ in levels.values()))
    n_rows = len(table.places)
    check_size(n_rows * len(symbols), len(keys) + len(fields) + 1, table.name)
    own = {(field, normalized(symbol)): table.columns[name] for name, (field, symbol) in levels.items()}
    text = any(is_text(column) for column in own.values())
    missing = pa.chunked_array([pa.nulls(n_rows, pa.string() if text else pa.float64())])
    stacked = {key: _joined([table.columns[key]] * len(symbols)) for key in keys}
    stacked |= {field: _joined([own.get((field, symbol), missing) for symbol in symbols]) for field in fields}
    if len(symbols) == 1:
        return replace(table, columns=stacked, symbol=symbols[0], duplicates={})
    codes = np.repeat(np.arange(len(symbols), dtype=np.int32), n_rows)
    label = "Ticker" if "Ticker" not in stacked else "Ticker (header)"
    stacked[label] = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(symbols))])
    places = np.tile(table.places, len(symbols))
    if not keys:  # each symbol has dates of its own, and the longest decides how many rows there are
        filled = is_filled([stacked[field] for field in fields])
        stacked, places = {name: column.filter(filled) for name, column in stacked.items()}, places[filled]
    return replace(table, columns=stacked, places=places, symbol_column=label, unnamed=frozenset(), duplicates={})


def is_filled(columns: Sequence[pa.ChunkedArray]) -> npt.NDArray[np.bool_]:
    """Return which rows have a cell that is not empty."""
    filled = np.zeros(len(columns[0]), dtype=bool)
    for column in columns:
        text = pc.fill_null(pc.utf8_trim_whitespace(column.cast(pa.string())), "")
        filled |= np.asarray(pc.not_equal(text, "").to_numpy(), dtype=bool)
    return filled


def _joined(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    kinds = {column.type for column in columns}
    if len(kinds) > 1:
        kind = pa.string() if any(is_text(column) for column in columns) else pa.float64()
        columns = [column.cast(kind, safe=False) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], type=columns[0].type)


def check_lengths(column: str, cells: pa.ChunkedArray, name: str) -> None:
    """A dictionary may repeat one long text at no cost, until each row is read as text."""
    longest = max((pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in cells.chunks), default=0)
    if longest > MAX_CELL_BYTES:
        message = f"a cell must have at most {MAX_CELL_BYTES} characters, got {longest:,}"
        raise BadPriceFile(name, (f"column {column[:40]}", message))
