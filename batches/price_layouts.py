"""From a table to the bars of each symbol. Long, wide, and one symbol's file are told by their columns."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from batches.price_files import BadPriceFile, Table

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._^=/-]{0,23}")
VALUES = ("close", "open", "high", "low", "volume", "adj_close")
# Other words for the same columns, as the usual sources write them.
ALIASES = {
    "datetime": "date", "timestamp": "date", "__index_level_0__": "date", "ticker": "symbol", "adjclose": "adj_close",
    "adjusted_close": "adj_close", "vol": "volume",
}  # fmt: skip
FIRST_DAY, LAST_DAY = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class ParsedSeries:
    """One symbol's bars, by date: `date` as datetime64[D], the others float64; `close` always, the rest where known."""

    symbol: str
    columns: dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class _Bars:
    """One row a bar, symbols mixed, in the order of the file."""

    table: Table
    rows: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.object_]
    dates: Days
    values: dict[str, Floats]


def bars_by_symbol(table: Table) -> list[ParsedSeries]:
    """Every symbol of the table, sorted by date, checked; BadPriceFile with what is wrong."""
    known = {_canonical(name): name for name in table.columns}
    if "date" not in known:
        raise _bad_columns(table, "there is no column 'date'")
    if "symbol" in known:
        if "close" not in known and "adj_close" not in known:
            raise _bad_columns(table, "there is no column 'close'")
        bars = _long(table, known)
    elif "close" in known:
        bars = _one_symbol(table, known)
    else:
        bars = _wide(table, known["date"])
    _check(bars)
    return _split(_adjusted(bars))


def _canonical(name: str) -> str:
    plain = re.sub(r"[\s_]+", "_", name.strip().lower()) if name != "__index_level_0__" else name
    return ALIASES.get(plain, plain)


def _bad_columns(table: Table, what: str) -> BadPriceFile:
    shapes = "wanted are symbol, date, close (and open, high, low, volume, adj_close), or date and a column a symbol"
    return BadPriceFile(table.name, ("line 1", f"{what}; {shapes}"))


def _long(table: Table, known: dict[str, str]) -> _Bars:
    symbols = table.columns[known["symbol"]].astype(str).str.strip().str.upper().to_numpy(dtype=object)
    return _stacked(table, known, symbols)


def _one_symbol(table: Table, known: dict[str, str]) -> _Bars:
    """A file for one symbol, as many sources give it, carries the symbol in its name: AAPL.csv."""
    symbol = PurePath(table.name).name.split(".csv")[0].split(".parquet")[0].upper()
    return _stacked(table, known, np.full(len(table.places), symbol, dtype=object))


def _stacked(table: Table, known: dict[str, str], symbols: npt.NDArray[np.object_]) -> _Bars:
    _check_symbols(table, symbols)
    values = {name: _numbers(table, known[name]) for name in VALUES if name in known}
    if "close" not in values:
        values["close"] = values.pop("adj_close")
    return _Bars(table, np.arange(len(table.places)), symbols, _dates(table, known["date"]), values)


def _wide(table: Table, date_column: str) -> _Bars:
    """A cell that is empty is a day without a bar: not every symbol was listed all the time."""
    names = [name for name in table.columns if name != date_column]
    if not names:
        raise _bad_columns(table, "there is no column with prices")
    _check_symbols(table, np.array([name.upper() for name in names], dtype=object), in_header=True)
    dates = _dates(table, date_column)
    rows, symbols, closes = [], [], []
    for name in names:
        close = _numbers(table, name)
        present = np.flatnonzero(~np.isnan(close))
        if not present.size:
            raise BadPriceFile(table.name, (f"column {name}", "there is no price in it"))
        rows.append(present)
        symbols.append(np.full(present.size, name.upper(), dtype=object))
        closes.append(close[present])
    taken = np.concatenate(rows)
    return _Bars(table, taken, np.concatenate(symbols), dates[taken], {"close": np.concatenate(closes)})


def _check_symbols(table: Table, symbols: npt.NDArray[np.object_], *, in_header: bool = False) -> None:
    codes, names = pd.factorize(symbols)
    for number, name in enumerate(names):
        if not SYMBOL.fullmatch(name):
            place = "line 1" if in_header else table.place(np.argmax(codes == number))
            wanted = "1 to 24 letters, digits and . _ ^ = / - are wanted"
            raise BadPriceFile(table.name, (place, f"the symbol {name[:40]!r} cannot be used; {wanted}"))


def _dates(table: Table, column: str) -> Days:
    """Whole days. A time of day and a zone are cut off: the date is the exchange's own."""
    series = table.columns[column]
    if pd.api.types.is_datetime64_any_dtype(series):
        naive = series.dt.tz_localize(None)
    else:
        text = series.astype(str)
        iso = text.str.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?") | text.str.fullmatch(r"\d{8}")
        days = text.where(iso, "").str.replace("-", "").str.slice(0, 8)
        naive = pd.to_datetime(days, format="%Y%m%d", errors="coerce")
    dates: Days = naive.to_numpy().astype("datetime64[D]")
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~((dates >= FIRST_DAY) & (dates < LAST_DAY)))
    if bad.size:
        raise BadPriceFile(table.name, *[(table.place(row), _bad_date(series.iloc[row])) for row in bad])
    return dates


def _bad_date(value: Any) -> str:
    text = "" if pd.isna(value) else str(value)
    return f"the date is {text[:40]!r}; one like 2022-12-28 is wanted" if text else "the date is missing"


def _numbers(table: Table, column: str) -> Floats:
    """The column as numbers; an empty cell is NaN."""
    series = table.columns[column]
    numbers: Floats = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    empty = series.isna().to_numpy(dtype=bool) | (series.astype(str).str.strip() == "").to_numpy(dtype=bool)
    bad = np.flatnonzero(np.isnan(numbers) & ~empty)
    if bad.size:
        told = [(table.place(row), f"{column} is {str(series.iloc[row])[:40]!r}, not a number") for row in bad]
        raise BadPriceFile(table.name, *told)
    return numbers


def _check(bars: _Bars) -> None:
    """No missing, infinite or impossible value, and no day twice for a symbol."""
    problems = list[tuple[str, str]]()

    def tell(row: np.integer, what: str) -> None:
        place = bars.table.place(bars.rows[row])
        problems.append((place, f"{bars.symbols[row]} on {bars.dates[row]}: {what}"))

    for name, values in bars.values.items():
        least, words = (0.0, "zero or more") if name == "volume" else (np.nextafter(0.0, 1.0), "above zero")
        for row in np.flatnonzero(~(np.isfinite(values) & (values >= least))):
            came = "is missing" if np.isnan(values[row]) else f"is {values[row]:g}; a number {words} is wanted"
            tell(row, f"{name} {came}")
    if "high" in bars.values and "low" in bars.values:
        for row in np.flatnonzero(bars.values["low"] > bars.values["high"]):
            tell(row, f"low {bars.values['low'][row]:g} is above high {bars.values['high'][row]:g}")
    for row in np.flatnonzero(pd.DataFrame({"symbol": bars.symbols, "date": bars.dates}).duplicated().to_numpy()):
        tell(row, "this day was there before")
    if problems:
        raise BadPriceFile(bars.table.name, *problems)


def _adjusted(bars: _Bars) -> _Bars:
    """Prices after splits and dividends: the whole bar is scaled as its close was."""
    values = dict(bars.values)
    if "adj_close" not in values:
        return bars
    factor = values["adj_close"] / values["close"]
    for name in ("open", "high", "low"):
        if name in values:
            values[name] = values[name] * factor
    values["close"] = values.pop("adj_close")
    return _Bars(bars.table, bars.rows, bars.symbols, bars.dates, values)


def _split(bars: _Bars) -> list[ParsedSeries]:
    codes, names = pd.factorize(bars.symbols, sort=True)
    order = np.lexsort((bars.dates, codes))
    parts = np.split(order, np.searchsorted(codes[order], np.arange(1, len(names))))
    return [
        ParsedSeries(str(name), {"date": bars.dates[part]} | {own: v[part] for own, v in bars.values.items()})
        for name, part in zip(names, parts, strict=True)
    ]
