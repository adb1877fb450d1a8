"""A second file of a symbol: its bars are appended to the stored ones, replace them, or are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine.bar_sizes import DAY_S, bar_days, bar_seconds
from batches.errors import Detail, InvalidRequest
from batches.formatting import bar_size, counted
from batches.prices.bars import ParsedSeries
from batches.prices.series import Columns
from batches.validators import shown

Indices = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]
FEWEST_TO_COMPARE = 3  # bars from which their size is known
SAME = 1e-9  # relative difference of prices that were only printed with other digits


class OnOverlap(StrEnum):
    REFUSE = "refuse"  # append; refuse if a bar differs from the stored one of the same date
    APPEND = "append"  # append; of two bars of a date the stored one stays
    REPLACE = "replace"  # use the bars of the file only


@dataclass(frozen=True)
class Merged:
    """The bars to store. sentence : what happens to the stored bars; problem : why the file is refused, or empty"""

    series: ParsedSeries
    sentence: str = ""
    problem: str = ""


def chosen_overlap(options: Mapping[str, str]) -> OnOverlap:
    text = options.get("onOverlap") or OnOverlap.REFUSE
    try:
        return OnOverlap(text)
    except ValueError:
        allowed = " or ".join(repr(str(value)) for value in OnOverlap)
        raise InvalidRequest(Detail("onOverlap", f"onOverlap must be {allowed}, got {shown(text)}.")) from None


def merged(stored: Columns, own: ParsedSeries, on_overlap: OnOverlap) -> Merged:
    """Return the series of both. stored : columns as of a ParsedSeries"""
    both = Overlap.of(stored, own)
    if both.covers_the_stored:
        return Merged(own, both.addition(own.dates))
    if on_overlap is OnOverlap.REPLACE:
        return Merged(own, both.replacement())
    problem = both.mismatch() or (both.conflict() if on_overlap is OnOverlap.REFUSE else "")
    if problem:
        return Merged(own, problem=f"{own.symbol}: {problem}")
    joined = both.joined()
    return Merged(joined, " ".join(filter(None, (both.addition(joined.dates), both.kept(), both.left_out()))))


@dataclass(frozen=True, eq=False)
class Overlap:
    """Stored bars and those of a file.

    names : the columns that both have, without the date; at, own_at : the bars of the same dates; differing : of these
    """

    stored: Columns
    own: ParsedSeries
    names: list[str]
    at: Indices
    own_at: Indices
    differing: Indices

    @classmethod
    def of(cls, stored: Columns, own: ParsedSeries) -> "Overlap":
        _, at, own_at = np.intersect1d(days_of(stored), own.dates, assume_unique=True, return_indices=True)
        if days_of(stored).dtype != own.dates.dtype:  # days and moments: midnight is no day
            at = own_at = at[:0]
        names = [name for name in stored if name in own.columns and name != "date"]
        same = [_are_same(stored[name][at], own.columns[name][own_at]) for name in names]
        return cls(stored, own, names, at, own_at, np.flatnonzero(~np.all(same, axis=0)))

    @property
    def covers_the_stored(self) -> bool:
        is_whole = len(self.at) == len(self.stored["date"]) and self.stored.keys() <= self.own.columns.keys()
        return is_whole and not self.differing.size

    def joined(self) -> ParsedSeries:
        """Return the stored bars and the new ones, by date, in the columns that both have."""
        is_new = np.ones(len(self.own.dates), dtype=bool)
        is_new[self.own_at] = False
        if not is_new.any():
            nowhere = np.zeros(len(self.stored["date"]), dtype=np.int32)
            return ParsedSeries(self.own.symbol, dict(self.stored), nowhere, self.own.timezone)
        columns = {name: np.concatenate([self.stored[name], self.own.columns[name][is_new]]) for name in self.names}
        columns["date"] = np.concatenate([days_of(self.stored), self.own.dates[is_new]])
        places = np.concatenate([np.zeros(len(self.stored["date"]), dtype=np.int32), self.own.places[is_new]])
        order = np.argsort(columns["date"], kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
        return ParsedSeries(self.own.symbol, columns, places[order], self.own.timezone)

    @property
    def n_new(self) -> int:
        return len(self.own.dates) - len(self.at)

    @property
    def lost(self) -> list[str]:
        """The stored columns that the file lacks."""
        return [name for name in self.stored if name not in self.own.columns]

    def mismatch(self) -> str:
        """Describe bars of another size."""
        dates = (days_of(self.stored), self.own.dates)
        sizes = [_bar_seconds(bar_dates) for bar_dates in dates]
        is_known = min(map(len, dates)) >= FEWEST_TO_COMPARE and None not in sizes
        if dates[0].dtype == dates[1].dtype and (not is_known or sizes[0] == sizes[1]):
            return ""
        stored, own = (bar_size(None if size is None else size / DAY_S) for size in sizes)
        return f"a stored bar is {stored}, one of the file {own}"

    def conflict(self) -> str:
        """Describe the first bar that differs, or the columns that would be lost."""
        if self.n_new and self.lost:
            return f"the stored bars have {', '.join(self.lost)}, those of the file do not"
        if not self.differing.size:
            return ""
        first, own_first = self.at[self.differing[0]], self.own_at[self.differing[0]]
        pairs = [(name, self.stored[name][first], self.own.columns[name][own_first]) for name in self.names]
        name, was, becomes = next(pair for pair in pairs if not _are_same(pair[1], pair[2]))
        day = date_text(days_of(self.stored)[first])
        bars = f"{counted(self.differing.size, 'bar')} {'differs' if self.differing.size == 1 else 'differ'}"
        return f"{bars} from those stored; on {day} {name} is stored as {was:.12g}, the file has {becomes:.12g}"

    def addition(self, all_days: Days) -> str:
        days = days_of(self.stored)
        if not self.n_new:
            return ""
        had = f"{self.own.symbol} had {counted(len(days), 'bar')}"
        if all_days[len(days) - 1] == days[-1]:
            verb = "is" if self.n_new == 1 else "are"
            return f"{had} to {date_text(days[-1])}; {counted(self.n_new, 'bar')} {verb} appended."
        first, last, all_first, all_last = map(date_text, (days[0], days[-1], all_days[0], all_days[-1]))
        more = f"it gets {self.n_new:,} more and has {counted(len(all_days), 'bar')} from {all_first} to {all_last}"
        return f"{had} from {first} to {last}; {more}."

    def replacement(self) -> str:
        days, own_days = days_of(self.stored), self.own.dates
        had = f"{self.own.symbol} had {counted(len(days), 'bar')} to {date_text(days[-1])}"
        now = f"now it has {len(own_days):,} from {date_text(own_days[0])}"
        return f"{had}, {now}; the {len(days):,} are no longer used."

    def kept(self) -> str:
        if not self.differing.size:
            return ""
        first, bars = date_text(days_of(self.stored)[self.at[self.differing[0]]]), counted(self.differing.size, "bar")
        return f"{self.own.symbol}: {bars} of the file, first {first}, differ; the stored stay."

    def left_out(self) -> str:
        """Name the columns that only one of the two has."""
        names = [name for name in (*self.lost, *self.own.columns) if name not in self.names and name != "date"]
        return (
            f"{self.own.symbol}: {', '.join(names)} are not in both and are left out." if self.n_new and names else ""
        )


def days_of(columns: Columns) -> Days:
    return columns["date"]  # type: ignore[return-value]


def date_text(date: np.datetime64) -> str:
    """`2020-01-02`, `2020-01-02 14:30:00`."""
    return str(date if date.dtype == "datetime64[D]" else date.astype("datetime64[s]")).replace("T", " ")


def _bar_seconds(dates: Days) -> float | None:
    if dates.dtype == "datetime64[ns]":
        return bar_seconds(dates.view(np.int64))
    days = bar_days(dates.view(np.int64))
    return None if days is None else days * DAY_S


def _are_same(values: Any, own_values: Any) -> Any:
    return np.isclose(values, own_values, rtol=SAME, atol=0, equal_nan=True)
