"""Bars as they stood in a file, symbols mixed: checked, sorted, adjusted, and split by symbol."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine import Prices
from backtester.engine.bar_sizes import median_distance
from backtester.engine.prices import has_several_a_day
from batches.errors import Detail
from batches.prices.bar_checks import check_bars, kept_once
from batches.prices.bar_rows import Bars
from batches.prices.notes import Notes
from batches.prices.problems import RowProblems

JUMP = np.log(2.0)  # halved or doubled from one bar to the next
SATURDAY = 5
DAY_US = 86_400_000_000


@dataclass(frozen=True, eq=False)
class ParsedSeries:
    """One symbol's bars, by date: `close` always, the other values if in the file, all float64.

    `date` is datetime64[D]; of bars within a day datetime64[ns], the moment in UTC at which each opened.

    places : int32[n_bars], the line or row of the file that each bar stood on
    timezone : of the days of bars within a day
    """

    symbol: str
    columns: dict[str, npt.NDArray[np.generic]]
    places: npt.NDArray[np.int32]
    timezone: str = "UTC"

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """datetime64[D] or [ns], [n_bars], rising."""
        return self.columns["date"]  # type: ignore[return-value]

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """datetime64[D][n_bars], the exchange's day of each bar."""
        return self.prices.trading_days.view("datetime64[D]")

    @cached_property
    def prices(self) -> Prices:
        values: dict[str, Any] = {name: column for name, column in self.columns.items() if name != "date"}
        return Prices(self.symbol, self.dates, **values, timezone=self.timezone)

    @property
    def has_ohlc(self) -> bool:
        return {"open", "high", "low"} <= self.columns.keys()


@dataclass(frozen=True, eq=False)
class ParsedFile:
    """All bars of a file, and notes on how they were read.

    skipped : the first rows that `onBadRow: skip` left out, as (line, message); n_skipped : all of them
    """

    series: list[ParsedSeries]
    notes: tuple[str, ...]
    place_word: str = "line"
    skipped: tuple[Detail, ...] = ()
    n_skipped: int = 0


def checked_series(bars: Bars, notes: Notes, problems: RowProblems) -> list[ParsedSeries]:
    """Return the bars of each symbol, without those that are reported as problems."""
    bars = kept_once(_sort(bars, notes), notes)
    bars = check_bars(bars, problems)
    problems.refuse()
    if not len(bars.codes):
        return []
    bars = _adjusted(bars, notes)
    is_within_day = _has_several_a_day(bars)[bars.codes]
    series = []
    for kept, rows in ((_moments, np.flatnonzero(is_within_day)), (_daily, np.flatnonzero(~is_within_day))):
        if rows.size:
            part = kept(bars.take(rows) if rows.size < len(bars.codes) else bars, notes)
            _note_flat_weekends(part, notes)
            _note_jumps(part, notes)
            series += _split(part, notes)
    return sorted(series, key=lambda one: one.symbol)


def _has_several_a_day(bars: Bars) -> npt.NDArray[np.bool_]:
    """Return for each symbol whether the median distance between its bars is less than a day."""
    several = np.zeros(len(bars.names), dtype=bool)
    starts = np.flatnonzero(np.diff(bars.codes, prepend=-1))
    for start, stop in zip(starts, np.append(starts[1:], len(bars.codes)), strict=True):
        several[bars.codes[start]] = has_several_a_day(bars.times.instants[start:stop])
    return several


def _moments(bars: Bars, notes: Notes) -> Bars:
    """Sort bars within a day by the moment: the days of a file may be those of another clock."""
    distances = np.diff(bars.times.instants.view(np.int64))[bars.codes[1:] == bars.codes[:-1]]
    notes.n_within_day += len(bars.codes)
    notes.bar_days = notes.bar_days or median_distance(distances) / DAY_US
    notes.timezone = bars.times.timezone
    if (distances < 0).any():
        bars = bars.take(np.lexsort((bars.times.instants, bars.codes)))
    return replace(bars, is_within_day=True)


def _sort(bars: Bars, notes: Notes) -> Bars:
    """By symbol, day and instant; rows of the same instant stay in the order of the file."""
    grouped = bars if _rises(bars.codes) else bars.take(np.argsort(bars.codes, kind="stable"))
    if len(bars.names) == 1 and _rises(bars.times.instants) and _rises(bars.times.wall):
        return bars
    days, instants = grouped.times.wall.astype("datetime64[D]"), grouped.times.instants
    same_symbol = grouped.codes[1:] == grouped.codes[:-1]
    is_older = (days[1:] < days[:-1]) | ((days[1:] == days[:-1]) & (instants[1:] < instants[:-1]))
    late = np.flatnonzero(is_older & same_symbol) + 1
    if not late.size:
        return grouped
    first = late[np.argmin(grouped.rows[late])]
    notes.unsorted = notes.unsorted or f"{grouped.place(first)} ({grouped.label(first)})"
    return grouped.take(np.lexsort((instants, days, grouped.codes)))


def _rises(values: npt.NDArray[Any]) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _adjusted(bars: Bars, notes: Notes) -> Bars:
    """Account for splits and dividends: scale each bar by adjusted close over close."""
    if "adj_close" not in bars.values:
        return bars
    values = dict(bars.values)
    factor = values["adj_close"] / values["close"]
    for name in ("open", "high", "low"):
        if name in values:
            values[name] = values[name] * factor
    values["close"] = values.pop("adj_close")
    notes.adjusted = True
    return replace(bars, values=values)


def _daily(bars: Bars, notes: Notes) -> Bars:
    """Combine the bars of a day: first open, highest high, lowest low, last close, total of the known volumes."""
    days = bars.times.wall.astype("datetime64[D]")
    starts = np.concatenate([[True], (days[1:] != days[:-1]) | (bars.codes[1:] != bars.codes[:-1])])
    first = np.flatnonzero(starts)
    notes.n_bars += len(days)
    notes.n_days += first.size
    if first.size == len(days):
        return bars
    last = np.append(first[1:], len(days)) - 1
    values = {"close": bars.values["close"][last]}
    if "open" in bars.values:
        values["open"] = bars.values["open"][first]
    folds = {"high": np.fmax.reduceat, "low": np.fmin.reduceat}
    values |= {name: fold(bars.values[name], first) for name, fold in folds.items() if name in bars.values}
    if "volume" in bars.values:
        known = ~np.isnan(bars.values["volume"])
        total = np.add.reduceat(np.where(known, bars.values["volume"], 0.0), first)
        values["volume"] = np.where(np.logical_or.reduceat(known, first), total, np.nan)
    return replace(bars, rows=bars.rows[first], codes=bars.codes[first], times=bars.times.take(first), values=values)


def _note_flat_weekends(bars: Bars, notes: Notes) -> None:
    """Some sources fill the weekend with bars on which nothing was traded."""
    if not {"open", "high", "low", "volume"} <= bars.values.keys():
        return
    flat = np.flatnonzero((bars.values["volume"] == 0) & (bars.values["high"] == bars.values["low"]))
    days = bars.times.wall[flat].astype("datetime64[D]").astype(np.int64)
    flat = flat[(days + 3) % 7 >= SATURDAY]  # 1970-01-01 was a Thursday
    if 0 < len(flat) < len(bars.codes):
        first = flat[0]
        notes.n_flat += len(flat)
        notes.flat = notes.flat or f"{bars.label(first)} ({bars.place(first)})"


def _note_jumps(bars: Bars, notes: Notes) -> None:
    """A close that halves or doubles is a crash, or a split that the prices are not adjusted for."""
    change = np.abs(np.diff(np.log(bars.values["close"])))
    jumps = np.flatnonzero((change > JUMP) & (bars.codes[1:] == bars.codes[:-1])) + 1
    if jumps.size:
        first = jumps[0]
        before, after = bars.values["close"][first - 1], bars.values["close"][first]
        notes.n_jumps += jumps.size
        notes.jump = notes.jump or f"{bars.label(first)} goes from {before:g} to {after:g} ({bars.place(first)})"


def _split(bars: Bars, notes: Notes) -> list[ParsedSeries]:
    edges = np.flatnonzero(np.diff(bars.codes)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(bars.codes)]
    places = bars.table.places[bars.rows].astype(np.int32)
    dates = (
        bars.times.instants.astype("datetime64[ns]") if bars.is_within_day else bars.times.wall.astype("datetime64[D]")
    )
    series = []
    for start, stop in zip(starts, stops, strict=True):
        columns = {name: column[start:stop] for name, column in bars.values.items()}
        if "volume" in columns:
            unknown = np.isnan(columns["volume"].astype(np.float64))
            if unknown.all():
                del columns["volume"]
            else:
                notes.n_unknown_volumes += int(unknown.sum())
        timezone = bars.times.timezone if bars.is_within_day else "UTC"
        name, dated = bars.names[bars.codes[start]], {"date": dates[start:stop], **columns}
        series.append(ParsedSeries(name, dated, places[start:stop], timezone))
    return series
