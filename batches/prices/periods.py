"""Months, quarters, half years and weeks in place of days: each is its last day, as in pandas' `PeriodIndex`."""

import re

import numpy as np
import numpy.typing as npt

from batches.prices.days import english

MONTHS_OF = {"": 1, "M": 1, "Q": 3, "S": 6, "H": 6}  # S: a half year, in SDMX
NUMBERED = re.compile(r"(?P<year>\d{4})[-/ ]?(?P<unit>[MQSHW]?)(?P<number>\d{1,2})", re.IGNORECASE)
QUARTER_FIRST = re.compile(r"([QH]\d)[-/ ]?(\d{4})", re.IGNORECASE)
RANGE = re.compile(r"\d{4}-\d{2}-\d{2}/(?P<last>\d{4}-\d{2}-\d{2})")
NAMES = {"": "month", "M": "month", "Q": "quarter", "S": "half year", "H": "half year", "W": "week"}


def period_name(text: str) -> str:
    match = NUMBERED.fullmatch(QUARTER_FIRST.sub(r"\2\1", text))
    return NAMES[match["unit"].upper()] if match else "week" if "/" in text else "month"


def last_days(texts: list[str]) -> npt.NDArray[np.datetime64]:
    """Return datetime64[us], the last day of each period at midnight; NaT where there is no such period."""
    return np.array([_last_day(text) for text in texts], dtype="datetime64[us]")


def _last_day(text: str) -> np.datetime64:
    if match := RANGE.fullmatch(text):
        return _day(match["last"], "%Y-%m-%d")
    match = NUMBERED.fullmatch(QUARTER_FIRST.sub(r"\2\1", text))
    if match is None:
        return _last_of_month(_day(f"1 {english(text)}", "%d %b %Y"))
    year, unit, number = match["year"], match["unit"].upper(), int(match["number"])
    if unit == "W":
        return _day(f"{year}-{number:02d}-7", "%G-%V-%u")
    return _last_of_month(_day(f"{year}-{number * MONTHS_OF[unit]:02d}", "%Y-%m"))


def _day(text: str, form: str) -> np.datetime64:
    import pandas as pd

    day: np.datetime64 = pd.to_datetime(text, format=form, errors="coerce").to_datetime64()
    return day


def _last_of_month(day: np.datetime64) -> np.datetime64:
    next_month: np.datetime64 = (day.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    return next_month - np.timedelta64(1, "D")
