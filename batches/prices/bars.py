"""Bars as they stood in a file, symbols mixed: checked, sorted, adjusted, made daily, and split by symbol."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batches.prices.cells import Floats, Moments
from batches.prices.tables import KEPT_PROBLEMS, BadPriceFile, Table

Indices = npt.NDArray[np.int64]
JUMP = np.log(2.0)  # halved or doubled from one bar to the next


@dataclass(frozen=True, eq=False)
class ParsedSeries:
    """One symbol's bars, by date: `date` as datetime64[D], the others float64; `close` always, the rest if in the file.

    places : int32[n_bars], the line or row of the file that each bar stood on
    """

    symbol: str
    columns: dict[str, npt.NDArray[np.generic]]
    places: npt.NDArray[np.int32]

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """datetime64[D][n_bars], rising."""
        return self.columns["date"].astype("datetime64[D]")

    @property
    def has_ohlc(self) -> bool:
        return {"open", "high", "low"} <= self.columns.keys()


@dataclass
class Notes:
    """How the bars were read, for the reader to check. unsorted, jump : the first of them"""

    decimal_comma: bool = False
    unsorted: str = ""
    adjusted: bool = False
    n_bars: int = 0
    n_days: int = 0
    jump: str = ""
    n_jumps: int = 0

    def sentences(self) -> tuple[str, ...]:
        sentences = []
        if self.decimal_comma:
            sentences.append("Numbers are read with a decimal comma.")
        if self.unsorted:
            sentences.append(f"Rows are not sorted by date: {self.unsorted} is older than the row before it.")
        if self.adjusted:
            sentences.append("Bars are scaled to the adjusted close, which accounts for splits and dividends.")
        if self.n_bars > self.n_days:
            sentences.append(f"Intraday: {self.n_bars:,} bars are combined into {self.n_days:,} daily bars.")
        if self.n_jumps:
            more = f", and {self.n_jumps - 1:,} more" if self.n_jumps > 1 else ""
            sentences.append(
                f"A close halves or doubles in one bar: {self.jump}{more}. Are prices adjusted for splits?"
            )
        return tuple(sentences)


@dataclass(frozen=True, eq=False)
class ParsedFile:
    """All bars of a file, and notes on how they were read."""

    series: list[ParsedSeries]
    notes: tuple[str, ...]
    place_word: str = "line"


@dataclass(frozen=True, eq=False)
class Bars:
    """One row for each bar, symbols mixed. rows : of the table; codes : index into `names`, which are sorted."""

    table: Table
    rows: Indices
    names: list[str]
    codes: Indices
    times: Moments
    values: dict[str, Floats]

    def take(self, indices: npt.NDArray[np.generic]) -> "Bars":
        values = {name: column[indices] for name, column in self.values.items()}
        return Bars(self.table, self.rows[indices], self.names, self.codes[indices], self.times[indices], values)

    def place(self, bar: int | np.integer) -> str:
        """`line 7`."""
        return self.table.place(self.rows[bar])

    def label(self, bar: int | np.integer) -> str:
        """`AAPL on 2020-01-02`; with the time of day if there is one."""
        time = self.times[bar]
        day = time.astype("datetime64[D]")
        return f"{self.names[self.codes[bar]]} on {day if day == time else str(time).replace('T', ' ')}"


def checked_series(bars: Bars, notes: Notes) -> list[ParsedSeries]:
    """Return daily bars of each symbol; BadPriceFile lists the impossible ones."""
    bars = _sort(bars, notes)
    _check(bars)
    bars = _daily(_adjusted(bars, notes), notes)
    _note_jumps(bars, notes)
    return _split(bars)


def _sort(bars: Bars, notes: Notes) -> Bars:
    """By symbol, then by time; rows of the same time stay in the order of the file."""
    order = np.argsort(bars.codes, kind="stable")
    grouped = bars if (np.diff(order) == 1).all() else bars.take(order)
    same_symbol = grouped.codes[1:] == grouped.codes[:-1]
    late = np.flatnonzero((grouped.times[1:] < grouped.times[:-1]) & same_symbol) + 1
    if not late.size:
        return grouped
    first = late[np.argmin(grouped.rows[late])]
    notes.unsorted = notes.unsorted or f"{grouped.place(first)} ({grouped.label(first)})"
    return grouped.take(np.lexsort((grouped.times, grouped.codes)))


def _check(bars: Bars) -> None:
    """Refuse missing, infinite and impossible values, and two bars of a symbol at the same time."""
    problems, count = list[tuple[int, str]](), 0

    def add(bad: npt.NDArray[np.intp], message: Callable[[int], str]) -> None:
        nonlocal count
        count += bad.size
        problems.extend((bar, message(bar)) for bar in bad[:KEPT_PROBLEMS].tolist())

    for name, values in bars.values.items():
        possible = np.isfinite(values) & ((values >= 0) if name == "volume" else (values > 0))
        add(np.flatnonzero(~possible), lambda bar, n=name, v=values: _impossible(n, v[bar]))  # type: ignore[misc]
    if "high" in bars.values and "low" in bars.values:
        low, high = bars.values["low"], bars.values["high"]
        add(np.flatnonzero(low > high), lambda bar: f"low must not be above high, got {low[bar]:g} and {high[bar]:g}")
    duplicates = np.flatnonzero((bars.times[1:] == bars.times[:-1]) & (bars.codes[1:] == bars.codes[:-1])) + 1
    add(duplicates, lambda bar: f"duplicate of {bars.place(bar - 1)}")
    if problems:
        problems.sort(key=lambda problem: bars.rows[problem[0]])
        details = [(bars.place(bar), f"{bars.label(bar)}: {message}") for bar, message in problems]
        raise BadPriceFile(bars.table.name, *details, count=count)


def _impossible(name: str, value: float) -> str:
    allowed = "0 or more" if name == "volume" else "above 0"
    return f"{name} is missing" if np.isnan(value) else f"{name} must be {allowed}, got {value:g}"


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
    return Bars(bars.table, bars.rows, bars.names, bars.codes, bars.times, values)


def _daily(bars: Bars, notes: Notes) -> Bars:
    """Combine the bars of a day: first open, highest high, lowest low, last close, total volume."""
    days = bars.times.astype("datetime64[D]")
    starts = np.concatenate([[True], (days[1:] != days[:-1]) | (bars.codes[1:] != bars.codes[:-1])])
    first = np.flatnonzero(starts)
    notes.n_bars += len(days)
    notes.n_days += first.size
    if first.size == len(days):
        return Bars(bars.table, bars.rows, bars.names, bars.codes, days, bars.values)
    last = np.append(first[1:], len(days)) - 1
    folds = {"high": np.maximum.reduceat, "low": np.minimum.reduceat, "volume": np.add.reduceat}
    values = {"close": bars.values["close"][last]}
    if "open" in bars.values:
        values["open"] = bars.values["open"][first]
    values |= {name: fold(bars.values[name], first) for name, fold in folds.items() if name in bars.values}
    return Bars(bars.table, bars.rows[first], bars.names, bars.codes[first], days[first], values)


def _note_jumps(bars: Bars, notes: Notes) -> None:
    """A close that halves or doubles is a crash, or a split that the prices are not adjusted for."""
    change = np.abs(np.diff(np.log(bars.values["close"])))
    jumps = np.flatnonzero((change > JUMP) & (bars.codes[1:] == bars.codes[:-1])) + 1
    if jumps.size:
        first = jumps[0]
        before, after = bars.values["close"][first - 1], bars.values["close"][first]
        notes.n_jumps += jumps.size
        notes.jump = notes.jump or f"{bars.label(first)} goes from {before:g} to {after:g} ({bars.place(first)})"


def _split(bars: Bars) -> list[ParsedSeries]:
    edges = np.flatnonzero(np.diff(bars.codes)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(bars.codes)]
    places = bars.table.places[bars.rows].astype(np.int32)
    return [
        ParsedSeries(
            bars.names[bars.codes[start]],
            {"date": bars.times[start:stop]} | {name: column[start:stop] for name, column in bars.values.items()},
            places[start:stop],
        )
        for start, stop in zip(starts, stops, strict=True)
    ]
