"""How a table of prices is to be read: which column is what, how dates and numbers are written. Guessed, changeable."""

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
# Other words for the same columns, as the usual sources write them.
ALIASES = {
    "datetime": "date", "timestamp": "date", "time": "date", "__index_level_0__": "date", "datum": "date",
    "ticker": "symbol", "adjclose": "adj_close", "adjusted_close": "adj_close", "adj._close": "adj_close",
    "vol": "volume", "volumen": "volume", "eröffnung": "open", "erster": "open", "hoch": "high", "tief": "low",
    "schluss": "close", "schlusskurs": "close", "close/last": "close",
}  # fmt: skip
SAMPLED_ROWS = 1_000
SLASHED = re.compile(r"\s*(\d{1,2})([./-])(\d{1,2})\2\d{4}\b")


class Layout(StrEnum):
    """What a row is."""

    LONG = "long"  # a bar of the symbol that it names
    SINGLE = "single"  # a bar of the one symbol of the file
    WIDE = "wide"  # a day, with a close in the column of each symbol


@dataclass(frozen=True)
class PriceMapping:
    """How to read a table. columns : role to column name, for the roles that the table has."""

    layout: Layout
    columns: dict[str, str] = field(default_factory=dict)
    symbol: str = ""
    decimal: str = "."
    date_order: str = "ymd"  # or dmy, mdy; empty when the dates leave it open
    time_zone: str = ""  # empty: the dates as they are written


def canonical(name: str) -> str:
    """The role that a column's name stands for, else the name in lower case."""
    plain = re.sub(r"[\s_]+", "_", name.strip().lower()) if name != "__index_level_0__" else name
    return ALIASES.get(plain, plain)


def guess(table: Table) -> PriceMapping:
    """What the names of the columns and the first rows say."""
    known = {canonical(name): name for name in reversed(table.columns)}
    date_column = known.get("date", "")
    if "symbol" in known:
        layout = Layout.LONG
    elif "close" in known:
        layout = Layout.SINGLE
    else:
        layout = Layout.WIDE
    roles = ("date",) if layout is Layout.WIDE else ROLES
    columns = {role: known[role] for role in roles if role in known}
    return PriceMapping(
        layout=layout,
        columns=columns,
        symbol=PurePath(table.name).name.split(".csv")[0].split(".parquet")[0].upper(),
        decimal=_guess_decimal(
            table, [name for name in table.columns if name not in (date_column, known.get("symbol"))]
        ),
        date_order=_guess_date_order(table.columns[date_column]) if date_column else "ymd",
    )


def changed(mapping: PriceMapping, given: Mapping[str, str], table: Table) -> PriceMapping:
    """The mapping with what someone said otherwise: layout, symbol, decimal, dateOrder, timeZone, and column.<role>."""
    if wrong := [Detail(name, words) for name, words in _wrong(given, table)]:
        raise InvalidRequest(*wrong)
    columns = mapping.columns | {
        role: given[f"column.{role}"] for role in ROLES if f"column.{role}" in given
    }  # an empty one: the table has no such column
    return replace(
        mapping,
        layout=Layout(given.get("layout") or mapping.layout),
        columns={role: name for role, name in columns.items() if name},
        symbol=(given.get("symbol") or mapping.symbol).strip().upper(),
        decimal=given.get("decimal") or mapping.decimal,
        date_order=given.get("dateOrder") or mapping.date_order,
        time_zone=given.get("timeZone", mapping.time_zone),
    )


def _wrong(given: Mapping[str, str], table: Table) -> list[tuple[str, str]]:
    allowed = {"layout": tuple(Layout), "decimal": (".", ","), "dateOrder": ("ymd", "dmy", "mdy")}
    found = [
        (name, f"{name} is {shown(given[name])}; {' or '.join(values)} is wanted.")
        for name, values in allowed.items()
        if given.get(name) and given[name] not in values
    ]
    for role in ROLES:
        column = given.get(f"column.{role}")
        if column and column not in table.columns:
            hint = nearest(column, table.columns)
            found.append((f"column.{role}", f"The file has no column {shown(column)}.{hint}"))
    zone = given.get("timeZone")
    if zone and zone not in available_timezones():
        hint = nearest(zone, available_timezones())
        found.append(("timeZone", f"timeZone is {shown(zone)}; one like America/New_York is wanted.{hint}"))
    return found


def texts(column: pa.ChunkedArray) -> bool:
    """Whether its cells are text, be it in a dictionary."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _guess_decimal(table: Table, names: list[str]) -> str:
    """A comma, where the first rows have commas in their numbers and not a single point."""
    commas = points = False
    for name in islice(names, 50):
        column = table.columns[name]
        if texts(column):
            sample = column.slice(0, SAMPLED_ROWS).cast(pa.string())
            numbers = sample.filter(pc.match_substring_regex(sample, r"^\s*[-+]?\d+([.,]\d+)?\s*$"))
            commas |= bool(pc.any(pc.match_substring(numbers, ",")).as_py())
            points |= bool(pc.any(pc.match_substring(numbers, ".")).as_py())
    return "," if commas and not points else "."


def _guess_date_order(column: pa.ChunkedArray) -> str:
    """Day or month first? A number above twelve tells, and points do; otherwise nothing does."""
    if not texts(column):
        return "ymd"
    found = [SLASHED.match(text) for text in pc.unique(column).cast(pa.string()).to_pylist() if text]
    parts = [match.groups() for match in found if match]
    if len(parts) < len(found) or not parts:  # the odd one out will be named
        return "ymd"
    if any(int(first) > 12 for first, _, _ in parts) or parts[0][1] == ".":
        return "dmy"
    return "mdy" if any(int(second) > 12 for _, _, second in parts) else ""
