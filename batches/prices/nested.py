"""From JSON to a table: records, arrays, columns, or a dictionary by date, wherever in the document they are."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from batches.prices.column_names import candidates
from batches.prices.delimited import read_text
from batches.prices.shapes import is_moment
from batches.prices.tables import BadPriceFile, FileFormat, Table, check_size

MAX_BYTES = 64 * 1024 * 1024  # as Python objects, JSON takes some ten times its bytes
MAX_DEPTH, SHOWN_BYTES = 8, 100
KEY_LABEL, SYMBOL_LABEL = "date", "symbol"
SYMBOL_KEYS = ("symbol", "ticker", "2. Symbol", "pair", "dataset_code", "instrument")
NAMES_KEYS = ("columns", "column_names", "fields")
MIN_BAR_CELLS = 5  # a moment and four prices
Rows = list[Any]
Found = tuple[tuple[str, ...], list[str], Rows]  # path in the document, header (empty if there is none), rows


def looks_like_json(data: bytes) -> bool:
    return data.lstrip()[:1] in (b"{", b"[")


def read_json(data: bytes, name: str, options: Mapping[str, str], form: FileFormat) -> Table | None:
    """Return None if the text only begins like JSON."""
    if len(data) > MAX_BYTES:
        raise BadPriceFile(
            name, ("", f"JSON must have at most {MAX_BYTES:,} bytes; larger tables fit as CSV or Parquet")
        )
    try:
        document = _document(data)
    except orjson.JSONDecodeError as error:
        if data.lstrip()[:1] == b"[" and not name.lower().endswith("json"):
            return None
        raise BadPriceFile(name, ("", f"invalid JSON ({error})")) from None
    tables = _largest_kind(list(_tables(document, (), 0))) or _scattered(document)
    if not tables:
        beginning = " ".join(data[:SHOWN_BYTES].decode(errors="replace").split())
        raise BadPriceFile(name, ("", f"this is JSON without a table of prices: {beginning}"))
    header, rows = _joined(tables)
    symbol = _symbol(document)
    check_size(len(rows), max(map(len, rows), default=1), name)
    if symbol and header and not candidates(header, "symbol"):
        header, rows = [*header, SYMBOL_LABEL], [[*row, symbol] for row in rows]
    kind = FileFormat("JSON", form.encoding, "", None, form.parts, form.part)
    chosen = {key: value for key, value in options.items() if key == "header"} if not header else {"header": "1"}
    return read_text(_as_csv(header, rows), name, {"delimiter": ","} | chosen, kind, "row")


def _document(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        lines = data.split(b"\n")
        if len(lines) < 2 or not lines[0].strip().endswith(b"}"):
            raise
        return [orjson.loads(line) for line in lines if line.strip()]


def _tables(node: Any, path: tuple[str, ...], depth: int) -> Iterator[Found]:
    """Yield path, header (empty if there is none) and rows of each table in the document."""
    table = _table(node)
    if table is not None:
        yield path, *table
    elif depth < MAX_DEPTH:
        pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in list(pairs)[:5_000]:
            yield from _tables(value, (*path, str(key)), depth + 1)


def _table(node: Any) -> tuple[list[str], Rows] | None:
    if isinstance(node, list) and node:
        if all(isinstance(row, dict) and row for row in node):
            records = [_flattened(row) for row in node]
            if all(_is_flat(record.values()) for record in records):
                return _of_records(records)
        if all(isinstance(row, list) and len(row) > 1 and _is_flat(row) for row in node):
            return [], node
    if isinstance(node, dict) and node:
        return _of_columns(node) or _of_keys(node)
    return None


def _is_flat(values: Iterable[Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in values)


def _flattened(record: dict[str, Any]) -> dict[str, Any]:
    """Put the keys of an inner dictionary beside the others: `{"time": ..., "mid": {"o": ..., "c": ...}}`."""
    inner = [value for value in record.values() if isinstance(value, dict)]
    if len(inner) != 1:
        return record
    return {key: value for key, value in record.items() if value is not inner[0]} | inner[0]


def _of_records(records: list[dict[str, Any]]) -> tuple[list[str], Rows] | None:
    header = list(dict.fromkeys(key for record in records for key in record))
    return (header, [[record.get(key) for key in header] for record in records]) if len(header) > 1 else None


def _of_columns(node: dict[str, Any]) -> tuple[list[str], Rows] | None:
    """`{"columns": [...], "data": [[...]]}`, `{"t": [...], "c": [...]}`, `{"close": {"2020-01-02": 1}}`."""
    names = next((node[key] for key in NAMES_KEYS if isinstance(node.get(key), list)), None)
    data = node.get("data")
    if names and isinstance(data, list) and data and all(isinstance(row, list) for row in data):
        header, index = [_named(name) for name in names], node.get("index")
        if isinstance(index, list) and index != list(range(len(data))) and len(index) == len(data):
            label = KEY_LABEL if all(is_moment(str(key)) for key in index) else SYMBOL_LABEL
            if label not in map(str.lower, header):
                return [label, *header], [[key, *row] for key, row in zip(index, data, strict=True)]
        return header, data
    lists = {key: value for key, value in node.items() if isinstance(value, list) and value and _is_flat(value)}
    if len(lists) > 1 and len({len(value) for value in lists.values()}) == 1:
        return list(lists), [list(row) for row in zip(*lists.values(), strict=True)]
    series = [value for value in node.values() if isinstance(value, dict)]
    if len(series) == len(node) > 0 and all(value and _is_flat(value.values()) for value in series):
        keys = list(dict.fromkeys(key for value in series for key in value))
        if not any(is_moment(key) for key in list(node)[:10]):
            if all(is_moment(key) for key in keys):
                return [KEY_LABEL, *node], [[key, *(value.get(key) for value in series)] for key in keys]
            if all(key.isdigit() for key in keys) and len(node) > 1:
                return list(node), [[value.get(key) for value in series] for key in keys]
    return None


def _named(name: Any) -> str:
    return str(name.get("name", "")) if isinstance(name, dict) else str(name)


def _of_keys(node: dict[str, Any]) -> tuple[list[str], Rows] | None:
    """`{"2020-01-02": {"1. open": ...}}`, `{"2020-01-02": 1.5}`, and records by their number."""
    values = list(node.values())
    if list(node) == [str(number) for number in range(len(node))] and all(isinstance(value, dict) for value in values):
        return _of_records(values) if all(_is_flat(value.values()) for value in values) else None
    if not all(is_moment(key) for key in node):
        return None
    if all(isinstance(value, dict) and _is_flat(value.values()) for value in values):
        header, rows = _of_records(values) or ([*values[0]], [list(value.values()) for value in values])
        return [KEY_LABEL, *header], [[key, *row] for key, row in zip(node, rows, strict=True)]
    if _is_flat(values):
        return [KEY_LABEL, "value"], [[key, value] for key, value in node.items()]
    return None


def _largest_kind(tables: list[Found]) -> list[Found]:
    """Return the tables that have the same columns as the one with the most rows and a date."""
    if not tables:
        return []
    largest = max(tables, key=lambda table: (_has_dates(table), len(table[2])))
    if not _has_dates(largest):
        return []
    same = [table for table in tables if table[1] == largest[1]]
    is_bars = bool(largest[1]) or len(largest[2][0]) >= MIN_BAR_CELLS
    return same if is_bars else [largest]


def _has_dates(table: Found) -> bool:
    _, header, rows = table
    return bool(candidates(header, "date")) or any(is_moment(str(cell)) for cell in rows[0])


def _scattered(document: Any) -> list[Found]:
    """Join lists of the same length from different places: Yahoo's `timestamp` beside `indicators.quote`."""
    lists = dict[str, list[Any]]()

    def collect(node: Any, key: str, depth: int) -> None:
        if isinstance(node, dict) and depth < MAX_DEPTH:
            for name, value in node.items():
                collect(value, name, depth + 1)
        elif isinstance(node, list) and len(node) == 1 and isinstance(node[0], dict):
            collect(node[0], key, depth + 1)
        elif isinstance(node, list) and node and _is_flat(node):
            lists.setdefault(key, node)

    collect(document, "", 0)
    length = max(map(len, lists.values()), default=0)
    columns = {key: values for key, values in lists.items() if len(values) == length}
    table: Found = ((), list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
    return [table] if len(columns) > 1 and _has_dates(table) else []


def _joined(tables: list[Found]) -> tuple[list[str], Rows]:
    """Join the tables of several symbols, by the last key of their paths that differs."""
    header = tables[0][1]
    if len(tables) == 1 or candidates(header, "symbol"):
        return header, [row for _, _, rows in tables for row in rows]
    level = next((level for level in (-1, -2, -3) if len({_key(path, level) for path, _, _ in tables}) > 1), -1)
    rows = [[_key(path, level), *row] for path, _, rows in tables for row in rows]
    return [SYMBOL_LABEL, *header] if header else [], rows


def _key(path: tuple[str, ...], level: int) -> str:
    return path[level] if len(path) >= -level else ""


def _symbol(node: Any, depth: int = 0) -> str:
    """Return the first symbol beside the table: `{"symbol": "AAPL", "bars": [...]}`."""
    if isinstance(node, list) and len(node) == 1:
        node = node[0]
    if not isinstance(node, dict) or depth > MAX_DEPTH:
        return ""
    own = next((node[key] for key in SYMBOL_KEYS if isinstance(node.get(key), str)), "")
    return own or next(filter(None, (_symbol(child, depth + 1) for child in node.values())), "")


def _as_csv(header: list[str], rows: Rows) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    if header:
        writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return sink.getvalue().encode(errors="replace")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return ""
    return " ".join(value.split()) if isinstance(value, str) else value
