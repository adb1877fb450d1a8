"""From the cells of a column to numbers and times; cells that cannot be read are reported with their place."""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from batches.prices.mapping import PriceMapping, is_text
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
    """Return the column as float64; an empty cell is NaN."""
    cells = table.columns[column]
    if not is_text(cells):
        if pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
            raise BadPriceFile(table.name, (f"column {column[:40]}", "it must contain numbers, got dates"))
        return np.asarray(cells.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    written = plain = pc.utf8_trim_whitespace(cells.cast(pa.string()))
    if decimal == ",":  # a point may be a thousands separator or a mistake: make it unreadable
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "?"), ",", ".")
    try:
        return np.asarray(plain.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        return _numbers_with_gaps(table, column, plain.to_pandas(), written)


def _numbers_with_gaps(table: Table, column: str, plain: pd.Series, written: pa.ChunkedArray) -> Floats:
    """The slow way, for a column with empty cells or text that is not a number."""
    values: Floats = pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    empty = pc.is_in(pc.utf8_lower(written), pa.array([*EMPTY, None], pa.string())).to_numpy()
    bad = np.flatnonzero(np.isnan(values) & ~empty.astype(bool))
    if bad.size:
        raise table.refusal(bad, lambda row: f"{column} must be a number, got {written[row].as_py()[:40]!r}")
    return values


def moments(table: Table, mapping: PriceMapping) -> Moments:
    """Return datetime64[s] in the exchange's own time: as written, or converted to the time zone of the mapping."""
    cells = table.columns[mapping.columns["date"]]
    times: Moments
    if is_text(cells):
        times = _moments_of_text_cells(table, cells, mapping)
    elif pa.types.is_timestamp(cells.type):
        if mapping.time_zone:
            cells = cells.cast(pa.timestamp(cells.type.unit, mapping.time_zone))  # without a zone, it is assumed UTC
        times = _naive_seconds(pc.local_timestamp(cells) if cells.type.tz else cells)
    elif pa.types.is_date(cells.type):
        times = _naive_seconds(cells)
    else:
        times = np.full(len(cells), np.datetime64("NaT", "s"))
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(~((times >= FIRST_DAY) & (times < LAST_DAY)))
    if bad.size:
        raise table.refusal(bad, lambda row: _bad_date(cells[row].as_py()))
    return times


def _moments_of_text_cells(table: Table, cells: pa.ChunkedArray, mapping: PriceMapping) -> Moments:
    """Parse each distinct text once: a long file repeats its dates for each symbol."""
    if not mapping.date_order:
        question = f"does {str(cells[0].as_py())[:40]!r} start with the day or the month? Set dateOrder"
        raise BadPriceFile(table.name, (table.place(0), question))
    coded = cells.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    unique = _moments_of_text(pc.utf8_trim_whitespace(coded.dictionary.cast(pa.string())), mapping)
    codes = coded.indices.fill_null(len(unique)).to_numpy()
    times: Moments = np.append(unique, np.datetime64("NaT", "s"))[codes]
    return times


def _naive_seconds(cells: pa.ChunkedArray) -> Moments:
    whole = pc.floor_temporal(cells, unit="second") if pa.types.is_timestamp(cells.type) else cells
    times: Moments = whole.cast(pa.timestamp("s"), safe=False).to_numpy()
    return times


def _bad_date(value: object) -> str:
    text = "" if value is None else str(value).strip()
    return f"date must be like 2022-12-28, got {text[:40]!r}" if text else "date is missing"


def _moments_of_text(unique: pa.Array, mapping: PriceMapping) -> Moments:
    """NaT where the text is not a date."""
    if mapping.date_order == "ymd" and not mapping.time_zone:
        is_plain = pc.all(pc.match_substring_regex(unique, PLAIN_ISO)).as_py()
        if is_plain:
            try:
                times: Moments = unique.cast(pa.timestamp("s")).to_numpy(zero_copy_only=False)
                return times
            except pa.ArrowInvalid:
                pass  # a day such as February 30: found below, with its line
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
    """Parse what follows a time: `+05:30`, `Z`, or nothing, which is assumed UTC."""
    offsets = zones.where(~zones.isin(["Z", "UTC"])).fillna("+00:00").str.replace(":", "")
    sign = offsets.str[0].map({"+": 1, "-": -1})
    minutes = offsets.str[1:3].astype(int) * 60 + offsets.str[3:5].astype(int)
    return pd.to_timedelta(sign * minutes, unit="m")
