"""How to read a table: the role of each column, the format of dates and numbers. Guessed, with options over it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from pathlib import PurePath
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc

from batches.errors import Detail, InvalidRequest
from batches.prices.tables import Table
from batches.validators import nearest, shown

VALUES = ("close", "open", "high", "low", "volume", "adj_close")
ROLES = ("date", "symbol", *VALUES)
# Names of the same columns in files of common sources.
ALIASES = {
    "datetime": "date", "timestamp": "date", "time": "date", "__index_level_0__": "date", "datum": "date",
    "ticker": "symbol", "adjclose": "adj_close", "adjusted_close": "adj_close", "adj._close": "adj_close",
    "vol": "volume", "volumen": "volume", "eröffnung": "open", "erster": "open", "hoch": "high", "tief": "low",
    "schluss": "close", "schlusskurs": "close", "close/last": "close",
}  # fmt: skip
SAMPLED_ROWS = 1_000
SLASHED = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2\d{4}\b")


class Layout(StrEnum):
    LONG = "long"  # a bar; a column holds the symbol
    SINGLE = "single"  # a bar; the file holds one symbol
    WIDE = "wide"  # a day, with a close in the column of each symbol


@dataclass(frozen=True)
class PriceMapping:
    """columns : role to column name, for the roles that the table has."""

    layout: Layout
    columns: dict[str, str] = field(default_factory=dict)
    symbol: str = ""
    decimal: str = "."
    date_order: str = "ymd"  # or dmy, mdy; empty if the dates are ambiguous
    time_zone: str = ""  # empty: dates are used as written


def canonical(name: str) -> str:
    """Return the role that a column's name stands for, else the name in lower case."""
    plain = re.sub(r"[\s_]+", "_", name.strip().lower()) if name != "__index_level_0__" else name
    return ALIASES.get(plain, plain)


def guess(table: Table) -> PriceMapping:
    """Guess from the column names and the first rows."""
    names = {canonical(name): name for name in reversed(table.columns)}
    date_column = names.get("date", "")
    if "symbol" in names:
        layout = Layout.LONG
    elif "close" in names:
        layout = Layout.SINGLE
    else:
        layout = Layout.WIDE
    roles = ("date",) if layout is Layout.WIDE else ROLES
    columns = {role: names[role] for role in roles if role in names}
    return PriceMapping(
        layout=layout,
        columns=columns,
        symbol=PurePath(table.name).name.split(".csv")[0].split(".parquet")[0].upper(),
        decimal=_guess_decimal(
            table, [name for name in table.columns if name not in (date_column, names.get("symbol"))]
        ),
        date_order=_guess_date_order(table.columns[date_column]) if date_column else "ymd",
    )


def apply_options(mapping: PriceMapping, options: Mapping[str, str], table: Table) -> PriceMapping:
    """Return the mapping with the options layout, symbol, decimal, dateOrder, timeZone and column.<role> applied."""
    if problems := _problems(options, table):
        raise InvalidRequest(*problems)
    columns = mapping.columns | {role: options[f"column.{role}"] for role in ROLES if f"column.{role}" in options}
    return replace(
        mapping,
        layout=Layout(options.get("layout") or mapping.layout),
        columns={role: name for role, name in columns.items() if name},  # an empty name: the table has no such column
        symbol=(options.get("symbol") or mapping.symbol).strip().upper(),
        decimal=options.get("decimal") or mapping.decimal,
        date_order=options.get("dateOrder") or mapping.date_order,
        time_zone=options.get("timeZone", mapping.time_zone),
    )


def _problems(options: Mapping[str, str], table: Table) -> list[Detail]:
    allowed = {"layout": tuple(Layout), "decimal": (".", ","), "dateOrder": ("ymd", "dmy", "mdy")}
    problems = [
        Detail(name, f"{name} must be {' or '.join(map(repr, map(str, values)))}, got {shown(options[name])}.")
        for name, values in allowed.items()
        if options.get(name) and options[name] not in values
    ]
    for role in ROLES:
        column = options.get(f"column.{role}")
        if column and column not in table.columns:
            hint = nearest(column, table.columns)
            problems.append(Detail(f"column.{role}", f"The file has no column {shown(column)}.{hint}"))
    zone = options.get("timeZone")
    if zone and zone not in available_timezones():
        hint = nearest(zone, available_timezones())
        message = f"timeZone must be a time zone such as America/New_York, got {shown(zone)}.{hint}"
        problems.append(Detail("timeZone", message))
    return problems


def is_text(column: pa.ChunkedArray) -> bool:
    """Return whether the cells are text, plain or dictionary encoded."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _guess_decimal(table: Table, names: list[str]) -> str:
    """Return a comma if the numbers of the first rows have commas and no points."""
    commas = points = False
    for name in islice(names, 50):
        column = table.columns[name]
        if is_text(column):
            sample = column.slice(0, SAMPLED_ROWS).cast(pa.string())
            numbers = sample.filter(pc.match_substring_regex(sample, r"^\s*[-+]?\d+([.,]\d+)?\s*$"))
            commas |= bool(pc.any(pc.match_substring(numbers, ",")).as_py())
            points |= bool(pc.any(pc.match_substring(numbers, ".")).as_py())
    return "," if commas and not points else "."


def _guess_date_order(column: pa.ChunkedArray) -> str:
    """Return empty if ambiguous: no number is above twelve, and there are no points between them."""
    if not is_text(column):
        return "ymd"
    matches = [SLASHED.match(text) for text in pc.unique(column).cast(pa.string()).to_pylist() if text]
    parts = [match.groups() for match in matches if match]
    if len(parts) < len(matches) or not parts:  # the date that does not match will be reported
        return "ymd"
    if any(int(first) > 12 for first, _, _ in parts) or parts[0][1] == ".":
        return "dmy"
    return "mdy" if any(int(second) > 12 for _, _, second in parts) else ""
