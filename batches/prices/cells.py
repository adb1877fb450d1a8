"""From the cells of a column to numbers and moments; what cannot be read is told with its place."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from batches.prices.mapping import PriceMapping, texts
from batches.prices.tables import BadPriceFile, Table

FIRST_DAY, LAST_DAY = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")
EMPTY = ("", "null", "nan", "n/a", "na", "none", "-")
PLAIN_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?$"
DAY = {
    "ymd": r"(?P<y>\d{4})(?P<s>[-/.]?)(?P<m>\d{2})(?P=s)(?P<d>\d{2})",
    "dmy": r"(?P<d>\d{1,2})(?P<s>[./-])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4})",
    "mdy": r"(?P<m>\d{1,2})(?P<s>[./-])(?P<d>\d{1,2})(?P=s)(?P<y>\d{4})",
}
TIME = r"(?:[T ]\s*(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?)?\s*(?P<z>Z|UTC|[+-]\d{2}:?\d{2})?"

Floats = npt.NDArray[np.float64]
Moments = npt.NDArray[np.datetime64]


def numbers(table: Table, column: str, decimal: str) -> Floats:
    """The column as float64; an empty cell is NaN."""
    cells = table.columns[column]
    if not texts(cells):
        if pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
            raise BadPriceFile(table.name, (f"column {column[:40]}", "it holds dates, where numbers are wanted"))
        return np.asarray(cells.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    plain = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    written = plain
    if decimal == ",":  # a point would then group thousands, or be a mistake: neither is guessed
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "?"), ",", ".")
    try:
        return np.asarray(plain.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return _numbers_one_by_one(table, column, plain.to_pandas(), written)


def _numbers_one_by_one(table: Table, column: str, plain: pd.Series, written: pa.ChunkedArray) -> Floats:
    """Where some cells are empty, or no numbers."""
    found: Floats = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    empty = pc.is_in(pc.utf8_lower(written), pa.array([*EMPTY, None], pa.string())).to_numpy()
    bad = np.flatnonzero(np.isnan(found) & ~empty.astype(bool))
    if bad.size:
        raise table.refusal(bad, lambda row: f"{column} is {written[row].as_py()[:40]!r}, not a number")
    return found


def moments(table: Table, mapping: PriceMapping) -> Moments:
    """datetime64[s], in the exchange's own time: as written, unless the mapping names a time zone to bring them to."""
    column = mapping.columns["date"]
    cells = table.columns[column]
    zone = mapping.time_zone
    found: Moments
    if texts(cells):
        if not mapping.date_order:
            words = (
                f"is {str(cells[0].as_py())[:40]!r} day or month first? No date of the file tells; say it (dateOrder)"
            )
            raise BadPriceFile(table.name, (table.place(0), words))
        coded = cells.combine_chunks().dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks()
        unique = _moments_of_text(pc.utf8_trim_whitespace(coded.dictionary.cast(pa.string())), mapping)
        codes = coded.indices.fill_null(len(unique)).to_numpy()
        found = np.append(unique, np.datetime64("NaT", "s"))[codes]
    elif pa.types.is_timestamp(cells.type):
        if zone:
            cells = cells.cast(pa.timestamp(cells.type.unit, zone))  # without a zone of its own it is taken for UTC
        found = _naive_seconds(pc.local_timestamp(cells) if cells.type.tz else cells)
    elif pa.types.is_date(cells.type):
        found = _naive_seconds(cells)
    else:
        found = np.full(len(cells), np.datetime64("NaT", "s"))
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~((found >= FIRST_DAY) & (found < LAST_DAY)))
    if bad.size:
        raise table.refusal(bad, lambda row: _bad_date(cells[row].as_py()))
    return found


def _naive_seconds(cells: pa.ChunkedArray) -> Moments:
    whole = pc.floor_temporal(cells, unit="second") if pa.types.is_timestamp(cells.type) else cells
    found: Moments = whole.cast(pa.timestamp("s"), safe=False).to_numpy()
    return found


def _bad_date(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return f"the date is {text[:40]!r}; one like 2022-12-28 is wanted" if text else "the date is missing"


def _moments_of_text(unique: pa.Array, mapping: PriceMapping) -> Moments:
    """NaT where the text is no date."""
    if mapping.date_order == "ymd" and not mapping.time_zone:
        plain = pc.all(pc.match_substring_regex(unique, PLAIN_ISO)).as_py()
        if plain:
            try:
                found: Moments = unique.cast(pa.timestamp("s")).to_numpy(zero_copy_only=False)
                return found
            except pa.ArrowInvalid:
                pass  # a day that no calendar has: told below, with its line
    parts = unique.to_pandas().astype(str).str.extract(re.compile(f"^{DAY[mapping.date_order]}{TIME}$"))
    clock = parts[["H", "M", "S"]].fillna("0")
    text = parts["y"] + "-" + parts["m"].str.zfill(2) + "-" + parts["d"].str.zfill(2) + " "
    text += clock["H"].str.zfill(2) + ":" + clock["M"] + ":" + clock["S"].str.zfill(2)
    written = pd.to_datetime(text, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    if mapping.time_zone:
        written = (written - _offsets(parts["z"])).dt.tz_localize("UTC").dt.tz_convert(mapping.time_zone)
        written = written.dt.tz_localize(None)
    return np.asarray(written, dtype="datetime64[s]")


def _offsets(zones: pd.Series) -> pd.Series:
    """What stands behind a time: +05:30, Z, or nothing, which is taken for UTC."""
    given = zones.where(~zones.isin(["Z", "UTC"])).fillna("+00:00").str.replace(":", "")
    sign = given.str[0].map({"+": 1, "-": -1})
    minutes = given.str[1:3].astype(int) * 60 + given.str[3:5].astype(int)
    return pd.to_timedelta(sign * minutes, unit="m")
