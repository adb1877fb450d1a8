"""Distinct texts of days, times of day and zones, parsed by pandas (which uses dateutil for month names)."""

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from batches.prices.synonyms import MONTHS, ZONES

if TYPE_CHECKING:
    import pandas as pd

MAX_NAMED_DAYS = 100_000  # dateutil takes 50 µs for each; there are 182,621 days from 1700 to 2200
FORMATS = {"dmy": "%d-%m-%", "mdy": "%m-%d-%"}
CLOCK = re.compile(r"(\d{1,2}):?(\d{2})?:?(\d{2})?(?:[.,:](\d{1,9}))?[ -]?([AaPp])?[.Mm]*")
OFFSET = re.compile(r"([A-Za-z_/]*?)\s?([+-]\d{1,2})?(?::?(\d{2}))?(?:\s?[\[(].*)?")
ENGLISH = {other: english for english, others in MONTHS.items() for other in others.split()}
ENGLISH_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
WORD = re.compile(r"[^\W\d_]+")


def days(texts: list[str], order: str) -> npt.NDArray[np.datetime64]:
    """Return datetime64[us]; NaT where it is no day, or the order of its numbers is another one."""
    import pandas as pd

    written = pd.Series(texts, dtype=str)
    values = pd.Series(pd.NaT, index=written.index, dtype="datetime64[us]")
    year_first = written.str.fullmatch(r"\d{4}\D\d{1,2}\D\d{1,2}\D?")
    _fill(values, year_first, written.str.replace(r"\D+", "-", regex=True).str.strip("-"), "%Y-%m-%d")
    _fill(values, written.str.fullmatch(r"\d{8}"), written, "%Y%m%d")
    dashed = written.str.replace(r"[/. ]", "-", regex=True)
    for year in "Yy":
        numeric = written.str.fullmatch(rf"\d{{1,2}}[-/. ]\d{{1,2}}[-/. ]\d{{{4 if year == 'Y' else 2}}}")
        if order in FORMATS:
            _fill(values, numeric, dashed, FORMATS[order] + year)
        elif year == "y":
            _fill(values, numeric, dashed, "%y-%m-%d")
    named = written.str.contains(r"[^\W\d_]{3}") & ~year_first
    if named.any():
        rows = named.index[named][:MAX_NAMED_DAYS]
        texts_in_english = [english(text) for text in written[rows]]
        values[rows] = pd.to_datetime(texts_in_english, format="mixed", dayfirst=True, errors="coerce").as_unit("us")
    return values.to_numpy()


def _fill(values: "pd.Series", rows: "pd.Series", texts: "pd.Series", form: str) -> None:
    import pandas as pd

    if rows.any():
        values[rows] = pd.to_datetime(texts[rows], format=form, errors="coerce").astype("datetime64[us]")


def english(text: str) -> str:
    """Return `2 Mar 2020` of `Mo. 2. März 2020`: the month in English, and no other word."""

    def translated(match: re.Match[str]) -> str:
        word = match[0].casefold()
        own = next((month[:3] for month in ENGLISH_MONTHS if len(word) >= 3 and month.startswith(word)), "")
        return own or ENGLISH.get(word, "")

    words = WORD.sub(translated, text)
    if not WORD.search(words):
        return ""  # without a month, dateutil would take any two numbers for one
    return " ".join(re.sub(r"[^\w]+", " ", words).split())


def clock_offsets(texts: list[str]) -> npt.NDArray[np.timedelta64]:
    """Return timedelta64[us] since midnight; NaT where it is no time of day. Empty: midnight."""
    import pandas as pd

    parts = pd.Series(texts, dtype=str).str.extract(re.compile(f"^{CLOCK.pattern}$"))
    hours, minutes, seconds = (pd.to_numeric(parts[column], errors="coerce").fillna(0) for column in range(3))
    fraction = pd.to_numeric("0." + parts[3].fillna("0"), errors="coerce")
    half = parts[4].str.lower()
    hours = hours.where(half.isna(), hours % 12) + half.eq("p") * 12
    valid = parts[0].notna() & (hours <= 24) & (minutes < 60) & (seconds < 60)
    total = (hours * 3600 + minutes * 60 + seconds + fraction) * 1e6
    offsets: npt.NDArray[np.timedelta64] = total.where(valid, 0).round().to_numpy().astype("timedelta64[us]")
    empty = np.array([not text for text in texts], dtype=bool)
    return np.where(valid.to_numpy(dtype=bool) | empty, offsets, np.timedelta64("NaT"))


def zone_offsets(wall: npt.NDArray[np.datetime64], zone: str) -> tuple[npt.NDArray[np.float64], bool]:
    """Return minutes from UTC of each moment, and whether the zone is known: `+05:30`, `GMT+0100`, `EST`."""
    match = OFFSET.fullmatch(zone.strip())
    if match is None:
        return np.full(len(wall), np.nan), False
    name, hours, minutes = match[1], match[2], match[3]
    if hours:
        sign = -1 if hours.startswith("-") else 1
        return np.full(len(wall), sign * (abs(int(hours)) * 60 + int(minutes or 0)), dtype=np.float64), True
    if name.upper() in ZONES:
        return np.full(len(wall), ZONES[name.upper()] * 60.0), True
    return _named_offsets(wall, name)


def _named_offsets(wall: npt.NDArray[np.datetime64], name: str) -> tuple[npt.NDArray[np.float64], bool]:
    """Of an hour that comes twice, the second is taken."""
    import pandas as pd

    try:
        local = pd.DatetimeIndex(wall).tz_localize(
            name, ambiguous=np.zeros(len(wall), bool), nonexistent="shift_forward"
        )
    except (KeyError, ValueError, OSError):
        return np.full(len(wall), np.nan), False
    instants = local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    return (wall - instants) / np.timedelta64(1, "m"), True
