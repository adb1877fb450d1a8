"""From the cells of one or two columns to moments: the exchange's own time, and the instant that it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batches.prices.days import clock_offsets, days, zone_offsets
from batches.prices.mapping import PriceMapping
from batches.prices.periods import last_days, period_name
from batches.prices.shapes import EPOCH, MOMENT, PERIOD, STAMPED, is_clock, is_moment
from batches.prices.tables import BadPriceFile, Table, coded, is_text

FIRST_DAY, LAST_DAY = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")
PLAIN_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?Z?)?$"
MAX_DAYS = 100_000  # from 1970, either way: a count of microseconds has room for it
EXCEL_DAY_ZERO, EXCEL_DAYS = np.datetime64("1899-12-30"), (10_000, 80_000)
EXCEL_DAY = r"^[1-7]\d{4}(\.\d+)?$"
STAMPED_PARTS = r"^(\d{8})(\d{4}|\d{6})$"
CLOCK_AND_ZONE = r"^(?P<clock>\d[\d:.,]*(?:\s?[AaPp]\.?[Mm]\.?)?)\s?(?P<zone>.*)$"
# The size of a count since 1970 shows its unit; each range covers the years 1973 to 2603.
EPOCH_UNITS = ((1e8, 2e10, 1e6), (1e11, 2e13, 1e3), (1e14, 2e16, 1.0), (1e17, 2e19, 1e-3))

Moments = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Times:
    """wall : datetime64[us], as the exchange's clock showed it; instants : datetime64[us] in UTC, which order the bars

    timezone : in which the days of bars within a day are counted, an IANA name
    period : "month", "quarter", ... if the file dates its bars by them
    """

    wall: Moments
    instants: Moments
    timezone: str = "UTC"
    period: str = ""

    def take(self, indices: npt.NDArray[np.generic]) -> "Times":
        return Times(self.wall[indices], self.instants[indices], self.timezone)


def moments(table: Table, mapping: PriceMapping) -> Times:
    """Return the moment of each row; NaT where it cannot be read."""
    times = _read(table.columns[mapping.columns["date"]], mapping, table)
    if "time" in mapping.columns:
        times = _with_clock(times, table.columns[mapping.columns["time"]], mapping)
    return times


def is_in_range(times: Times) -> npt.NDArray[np.bool_]:
    """Return whether each moment could be read, and lies in the years that have prices."""
    with np.errstate(invalid="ignore"):
        return (times.wall >= FIRST_DAY) & (times.wall < LAST_DAY)


def bad_moment(table: Table, mapping: PriceMapping, row: int) -> str:
    """Describe what is wrong with the date, or the time of day, of a row."""
    try:
        date = table.columns[mapping.columns["date"]][row].as_py()
    except (OverflowError, ValueError):  # beyond the years of Python, 1 to 9999
        return f"date must be between {FIRST_DAY} and {LAST_DAY}, got one outside the calendar"
    text = "" if date is None else str(date).strip()
    if text and "time" in mapping.columns and is_moment(text):
        time = str(table.columns[mapping.columns["time"]][row].as_py() or "").strip()
        if not is_clock(time):
            return f"time must be like 09:30, got {time[:40]!r}"
    return f"date must be like 2022-12-28, got {text[:40]!r}" if text else "date is missing"


def _read(cells: pa.ChunkedArray, mapping: PriceMapping, table: Table) -> Times:
    if is_text(cells):
        return _of_text_cells(table, cells, mapping)
    if pa.types.is_timestamp(cells.type):
        return _of_timestamps(cells, mapping.time_zone)
    if pa.types.is_date(cells.type):
        wall = _microseconds(cells)
    elif pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type):
        wall = _of_numbers(cells.cast(pa.float64(), safe=False).to_numpy().astype(np.float64))
        return _converted(wall, np.zeros(len(wall)), mapping.time_zone)
    else:
        wall = np.full(len(cells), np.datetime64("NaT", "us"))
    return Times(wall, wall)


def _of_timestamps(cells: pa.ChunkedArray, time_zone: str) -> Times:
    instants = _microseconds(cells)  # of cells with a zone, these are UTC; without one, they are assumed to be
    zone = time_zone or cells.type.tz
    return Times(_in_zone(instants, zone) if zone else instants, instants, _named_zone(zone))


def _named_zone(zone: str | None) -> str:
    """Return the zone, UTC for a mere distance from it such as `+02:00`."""
    return zone if zone in available_timezones() else "UTC"


def _microseconds(cells: pa.ChunkedArray) -> Moments:
    """NaT where the moment is outside the range of microseconds, or far outside that of prices."""
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.timestamp(cells.type.unit))  # without the zone: UTC
    times = cells.to_numpy()
    far = np.abs(times.astype("datetime64[D]").astype(np.int64)) > MAX_DAYS
    wall: Moments = times.copy()
    wall[far] = np.datetime64("NaT")
    return wall.astype("datetime64[us]")


def _of_text_cells(table: Table, cells: pa.ChunkedArray, mapping: PriceMapping) -> Times:
    """Parse each distinct text once: a long file repeats its dates for each symbol."""
    if not mapping.date_order:
        question = f"does {str(cells[0].as_py())[:40]!r} start with the day or the month? Set dateOrder"
        raise BadPriceFile(table.name, (table.place(0), question))
    words, codes = coded(cells)
    is_iso = mapping.date_order == "ymd" and pc.all(pc.match_substring_regex(words, PLAIN_ISO)).as_py()
    of_periods = np.zeros(0, dtype=bool) if is_iso else _matching(words, PERIOD)
    if of_periods.sum() > len(words) / 2:
        return _of_periods(words, codes, of_periods)
    wall, offsets = _of_words(words, mapping.date_order, is_iso=is_iso)
    times = _converted(wall, offsets, mapping.time_zone)
    nothing = np.array([np.datetime64("NaT", "us")])
    return Times(np.append(times.wall, nothing)[codes], np.append(times.instants, nothing)[codes], times.timezone)


def _of_periods(words: pa.Array, codes: npt.NDArray[np.int64], of_periods: npt.NDArray[np.bool_]) -> Times:
    """Among days, a month would be a day that was cut short: only a column of periods is read as such."""
    periods = words.filter(pa.array(of_periods))
    wall: Moments = np.full(len(words) + 1, np.datetime64("NaT", "us"))
    wall[:-1][of_periods] = _each(periods, last_days)
    return Times(wall[codes], wall[codes], period=period_name(periods[0].as_py()))


def _of_words(words: pa.Array, order: str, *, is_iso: bool) -> tuple[Moments, npt.NDArray[np.float64]]:
    """Return the wall clock, and minutes from UTC: NaN where the text does not say."""
    unknown = np.full(len(words), np.nan)
    if is_iso:
        try:
            in_utc = pc.utf8_rtrim(words, "Z")  # as is what names no zone
            return in_utc.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False), unknown
        except pa.ArrowInvalid:
            pass  # a day such as February 30: found below, with its line
    is_epoch = _matching(words, EPOCH) & ~_matching(words, STAMPED)
    is_count = is_epoch | _matching(words, EXCEL_DAY)
    wall: Moments = np.full(len(words), np.datetime64("NaT", "us"))
    offsets = unknown
    if not is_count.all():
        parts = pc.extract_regex(pc.replace_substring_regex(words, STAMPED_PARTS, r"\1 \2"), MOMENT)
        wall = _each(parts.field("day"), lambda texts: days(texts, order))
        wall, offsets = _with_zones(wall + _each(parts.field("clock"), clock_offsets), parts.field("zone"))
    if is_count.any():
        counts = pc.if_else(pa.array(is_count), words, None).cast(pa.float64()).to_numpy(zero_copy_only=False)
        wall[is_count], offsets[is_epoch] = _of_numbers(counts[is_count]), 0.0
    return wall, offsets


def _matching(words: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(words, pattern).to_numpy(zero_copy_only=False), dtype=bool)


def _each(texts: pa.Array, parse: Callable[[list[str]], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Parse each distinct text once."""
    distinct = texts.dictionary_encode()
    values = parse([text or "" for text in distinct.dictionary.to_pylist()])
    nothing = np.full(1, "NaT", dtype=values.dtype)
    repeated: npt.NDArray[Any] = np.append(values, nothing)[
        distinct.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    ]
    return repeated


def _with_zones(wall: Moments, zones: pa.Array) -> tuple[Moments, npt.NDArray[np.float64]]:
    distinct = zones.dictionary_encode()
    codes = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    offsets = np.full(len(wall), np.nan)
    for code, zone in enumerate(distinct.dictionary.to_pylist()):
        if zone:
            rows = codes == code
            offsets[rows], readable = zone_offsets(wall[rows], zone)
            if not readable:
                wall[rows] = np.datetime64("NaT")
    return wall, offsets


def _converted(wall: Moments, offsets: npt.NDArray[np.float64], time_zone: str) -> Times:
    """offsets : minutes from UTC; NaN is assumed UTC"""
    instants = wall - (np.nan_to_num(offsets) * 60e6).astype("timedelta64[us]")
    if not time_zone:
        return Times(wall, instants)
    return Times(_in_zone(instants, time_zone), instants, time_zone)


def _in_zone(instants: Moments, zone: str) -> Moments:
    import pandas as pd

    local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return np.asarray(local, dtype="datetime64[us]")


def _of_numbers(values: npt.NDArray[np.float64]) -> Moments:
    """Read each number as what its size makes it: a count since 1970, `20200102`, or a day of Excel."""
    import pandas as pd

    wall = np.full(len(values), np.datetime64("NaT", "us"))
    with np.errstate(invalid="ignore"):
        for low, high, factor in EPOCH_UNITS:
            rows = (np.abs(values) >= low) & (np.abs(values) < high)
            wall[rows] = (values[rows] * factor).astype(np.int64).astype("datetime64[us]")
        rows = (values >= 17_000_101) & (values < 22_000_101) & (values == np.floor(values))
        written = pd.to_datetime(pd.Series(values[rows]).astype(np.int64).astype(str), format="%Y%m%d", errors="coerce")
        wall[rows] = written.to_numpy().astype("datetime64[us]")
        rows = (values >= EXCEL_DAYS[0]) & (values < EXCEL_DAYS[1])
        wall[rows] = EXCEL_DAY_ZERO + np.round(values[rows] * 86_400).astype("timedelta64[s]")
    return wall


def _with_clock(times: Times, cells: pa.ChunkedArray, mapping: PriceMapping) -> Times:
    """Add the time of day of a second column."""
    words, codes = coded(cells)
    parts = pc.extract_regex(words, CLOCK_AND_ZONE)
    texts = [text or "?" for text in parts.field("clock").to_pylist()]
    width = max((len(text) for text in texts if text.isdigit()), default=0)
    padded = [text.zfill(2 if width <= 2 else 4 if width <= 4 else 6) if text.isdigit() else text for text in texts]
    clocks = np.append(clock_offsets(padded), np.timedelta64("NaT", "us"))[codes]
    zones = pc.fill_null(parts.field("zone"), "").take(pa.array(codes, mask=codes == len(words)))
    midnights = times.wall.astype("datetime64[D]").astype("datetime64[us]")
    wall, offsets = _with_zones(np.add(midnights, clocks), zones)
    return _converted(wall, offsets, mapping.time_zone)
