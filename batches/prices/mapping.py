"""How to read a table: the role of each column, the format of dates and numbers. Guessed, with options over it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from batches.errors import Detail, InvalidRequest
from batches.prices.cells import guess_decimal, has_only_thousandths
from batches.prices.column_names import candidates, plain, roles_of
from batches.prices.named_columns import is_moments
from batches.prices.options import ROLES, VALUES, BadRow, Layout, check_options, chosen_columns, renames
from batches.prices.shapes import is_clock, is_empty, is_number
from batches.prices.symbol_names import symbol_of
from batches.prices.tables import Table, is_text
from batches.prices.unnamed_roles import guess_unnamed
from batches.symbols import normalized
from batches.validators import nearest, shown

SAMPLED_ROWS, SAMPLED_COLUMNS = 1_000, 50
LAST_MONTH = 12
THOUSANDTHS = "All prices have a point before three digits: if it groups thousands, set decimal to ','."
TICKER = r"(?=.*[^\W\d_])[^\sa-z]{1,12}|[A-Z\d_]+(?:\.[A-Z\d_]*){2,}"  # `AAPL`, or a key such as `EXR.D.USD.EUR.SP00.A`
DAY_OR_MONTH = r"^\s*(?P<first>\d{1,2})(?P<sign>[./ -])(?P<second>\d{1,2})[./ -](?:\d{4}|\d{2})\b"


@dataclass(frozen=True)
class PriceMapping:
    """columns : role to column name, for the roles that the table has."""

    layout: Layout
    columns: dict[str, str] = field(default_factory=dict)
    symbol: str = ""
    decimal: str = "."
    date_order: str = "ymd"  # or dmy, mdy; empty if the dates are ambiguous
    time_zone: str = ""  # empty: dates are used as written
    on_bad_row: BadRow = BadRow.REFUSE
    renames: dict[str, str] = field(default_factory=dict)  # symbol of the file to its new name; empty: left out
    notes: tuple[str, ...] = ()  # on what was guessed and may be wrong
    symbol_note: str = ""
    decimal_note: str = ""


def guess(table: Table) -> PriceMapping:
    """Guess from the column names and the first rows."""
    notes = list[str]()
    if table.format.header is None and all(
        name in table.unnamed for name in table.columns if name != table.symbol_column
    ):
        columns = guess_unnamed(table)
        layout = Layout.LONG if "symbol" in columns else Layout.SINGLE
        order = ", ".join(f"{role} ({name})" for role, name in columns.items())
        notes.append(f"There is no header; the columns are read as {order}.")
    else:
        columns = _named_roles(table)
        layout = _guess_layout(table, columns)
    if layout is Layout.WIDE:
        columns = {role: name for role, name in columns.items() if role in ("date", "time")}
    symbol, symbol_note = (table.symbol, "") if table.symbol else symbol_of(table.name)
    mapping = PriceMapping(layout, columns, symbol, notes=tuple(notes), symbol_note=symbol_note)
    return _with_formats(mapping, table)


def _with_formats(mapping: PriceMapping, table: Table) -> PriceMapping:
    """Guess decimal sign and date order from the columns of the mapping."""
    date = mapping.columns.get("date")
    keys = {mapping.columns.get(role) for role in ("date", "time", "symbol")} | {table.symbol_column}
    others = [name for name in table.columns if name not in keys]
    prices = [mapping.columns[role] for role in VALUES if role in mapping.columns and role != "volume"]
    samples = [table.columns[name] for name in dict.fromkeys([*prices, *others[:SAMPLED_COLUMNS]])]
    is_unclear = table.format.delimiter == ";" and has_only_thousandths([table.columns[name] for name in prices])
    return replace(
        mapping,
        decimal=guess_decimal(samples, delimiter=table.format.delimiter),
        decimal_note=THOUSANDTHS if is_unclear else "",
        date_order=guess_date_order(table.columns[date]) if date else "ymd",
    )


def _named_roles(table: Table) -> dict[str, str]:
    names = [name for name in table.columns if name not in table.duplicates]
    columns = _date_and_time(table, names)
    for role in ("symbol", *VALUES):
        sure = candidates(names, role)
        weak = (name for name in candidates(names, role, weak=True) if _confirms(table, name, role))
        own = next((name for name in (*sure, *weak) if name not in columns.values()), "")
        if own:
            columns[role] = own
    if "symbol" not in columns and table.symbol_column:
        columns["symbol"] = table.symbol_column
    return {role: columns[role] for role in ROLES if role in columns}


def _confirms(table: Table, name: str, role: str) -> bool:
    """Return whether the cells agree with a name that is not sure: names of companies are no symbols."""
    if role != "symbol":
        return True
    column = table.columns[name]
    if not is_text(column):
        return False
    words = [str(word) for word in pc.unique(column.slice(0, SAMPLED_ROWS).cast(pa.string())).to_pylist() if word]
    tickers = [re.fullmatch(TICKER, word.strip()) for word in words]
    return bool(words) and all(tickers)


def _date_and_time(table: Table, names: list[str]) -> dict[str, str]:
    """Take the surest name whose cells are dates; and, if they have no time of day, a column of times."""
    named = candidates(names, "date")
    named += [name for name in names if name in table.unnamed and name not in named][:1]
    dates = [name for name in [*named, *candidates(names, "date", weak=True)] if is_moments(table.columns[name])]
    clocks = [name for name in candidates(names, "time") if name not in dates and _is_clocks(table.columns[name])]
    days = [name for name in dates if not _has_clock(table.columns[name])]
    if clocks and days:
        return {"date": days[0], "time": clocks[0]}
    best = dates or [name for name in named if name not in table.unnamed] or _only_dates(table, names)
    return {"date": best[0]} if best else {}


def _only_dates(table: Table, names: list[str]) -> list[str]:
    """Return the first column of dates with a name that stands for nothing known. Large numbers alone are no dates."""
    others = [name for name in names if not roles_of(name) and name not in table.unnamed][:SAMPLED_COLUMNS]
    return [
        name
        for name in others
        if is_moments(table.columns[name]) and not all(text.isdigit() for text in _sample(table.columns[name]))
    ][:1]


def _sample(column: pa.ChunkedArray) -> list[str]:
    texts = column.slice(0, 100).cast(pa.string()).to_pylist()
    return [text for text in texts if text is not None and not is_empty(text)]


def _is_clocks(column: pa.ChunkedArray) -> bool:
    sample = _sample(column)
    return bool(sample) and all(is_clock(text) for text in sample)


def _has_clock(column: pa.ChunkedArray) -> bool:
    """Return whether the dates already hold a time of day that is not midnight."""
    return any(re.search(r"\d[T ]\d{1,2}:\d{2}|^\d{9,}$", text) and "00:00:00" not in text for text in _sample(column))


def _guess_layout(table: Table, columns: dict[str, str]) -> Layout:
    bars = {"open", "high", "low"} <= columns.keys()
    has_close = bool(columns.keys() & {"close", "adj_close"})
    if "symbol" in columns and (has_close or bars or columns["symbol"] != table.symbol_column):
        return Layout.LONG
    if bars or (has_close and not _are_symbols(table, columns)):
        return Layout.SINGLE
    return Layout.WIDE


def _are_symbols(table: Table, columns: dict[str, str]) -> bool:
    """Return whether a column called like a price is the ticker of one, among others: `date, AAPL, CL, NAV`."""
    keys = {columns.get("date"), columns.get("time"), table.symbol_column}
    others = [name for name in table.columns if name not in keys and name not in table.duplicates]
    known = [name for name in others if roles_of(name)]
    tickers = all(name == name.upper() and len(name) <= 12 and " " not in name for name in others)
    if not tickers or len(others) <= len(known) or any("close" in plain(name) for name in known):
        return False
    return all(_has_numbers(table.columns[name]) for name in others[:SAMPLED_COLUMNS])


def _has_numbers(column: pa.ChunkedArray) -> bool:
    """Return whether most cells are numbers; a column without any cell may be a symbol that was not listed yet."""
    sample = _sample(column)
    return not sample or sum(is_number(text) for text in sample) > 0.5 * len(sample)


def apply_options(mapping: PriceMapping, options: Mapping[str, str], table: Table) -> PriceMapping:
    """Return the mapping with the options of `ReadOptions` applied."""
    check_options(options)
    chosen = chosen_columns(options)
    unknown = [
        Detail(f"column.{role}", f"The file has no column {shown(column)}.{nearest(column, table.columns)}")
        for role, column in chosen.items()
        if column and column not in table.columns
    ]
    if unknown:
        raise InvalidRequest(*unknown)
    chosen = _with_whole_moments(chosen, table)
    columns = {role: name for role, name in (mapping.columns | chosen).items() if name}
    layout = Layout(options.get("layout") or mapping.layout)
    if chosen and "close" in columns and layout is Layout.WIDE and not options.get("layout"):
        layout = Layout.LONG if "symbol" in columns else Layout.SINGLE
    guessed = replace(mapping, layout=layout, columns=columns)
    if columns != mapping.columns:
        guessed = _with_formats(guessed, table)
    return replace(
        guessed,
        symbol=normalized(options.get("symbol") or mapping.symbol),
        symbol_note="" if options.get("symbol") or layout is not Layout.SINGLE else mapping.symbol_note,
        decimal=options.get("decimal") or guessed.decimal,
        decimal_note="" if options.get("decimal") else guessed.decimal_note,
        date_order=options.get("dateOrder") or guessed.date_order,
        time_zone=options.get("timeZone", mapping.time_zone),
        on_bad_row=BadRow(options.get("onBadRow") or mapping.on_bad_row),
        renames=renames(options),
    )


def _with_whole_moments(chosen: dict[str, str], table: Table) -> dict[str, str]:
    """Take the chosen column of times for the dates too, if its cells are moments: `2022-01-03T14:30:00Z`."""
    time = chosen.get("time")
    if not time or chosen.get("date", time) != time:
        return chosen
    cells = table.columns[time]
    return chosen | {"date": time, "time": ""} if is_moments(cells) and not _is_clocks(cells) else chosen


def guess_date_order(column: pa.ChunkedArray) -> str:
    """Return empty if ambiguous: no number is above twelve, and there are no points between them."""
    sample = _sample(column)
    if not is_text(column) or sum(bool(re.match(DAY_OR_MONTH, text)) for text in sample) <= 0.5 * len(sample):
        return "ymd"  # the dates that are not of this form will be reported
    parts = pc.extract_regex(pc.unique(column).cast(pa.string()), DAY_OR_MONTH)
    parts = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
    first, second = (pc.max(pc.cast(parts.field(name), pa.int64())).as_py() or 0 for name in ("first", "second"))
    if first > LAST_MONTH or parts.drop_null().field("sign")[0].as_py() == ".":
        return "dmy"
    return "mdy" if second > LAST_MONTH else ""
