"""Bars as they stood in a file, symbols mixed: checked, sorted, adjusted, made daily, and split by symbol."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batches.prices.cells import Floats, Moments
from batches.prices.tables import KEPT_PROBLEMS, BadPriceFile, Table

Whole = npt.NDArray[np.int64]
JUMP = np.log(2.0)  # halved or doubled from one bar to the next


@dataclass(frozen=True, eq=False)
class ParsedSeries:
    """One symbol's bars, by date: `date` as datetime64[D], the others float64; `close` always, the rest where known.

    places : int32[n_bars], the line or row of the file that each bar stood on
    """

    symbol: str
    columns: dict[str, npt.NDArray[np.generic]]
    places: npt.NDArray[np.int32]

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """datetime64[D][n_bars], rising."""
        return self.columns["date"].astype("datetime64[D]")


@dataclass
class Notes:
    """What a person should know about how the bars were read."""

    decimal_comma: bool = False
    late: str = ""  # the first row that is older than the one before it
    adjusted: bool = False
    bars: int = 0
    days: int = 0
    jump: str = ""  # the first one
    jumps: int = 0

    def words(self) -> tuple[str, ...]:
        """In sentences."""
        found = []
        if self.decimal_comma:
            found.append("Numbers are read with a decimal comma.")
        if self.late:
            found.append(f"Not in the order of time: {self.late} is older than the row before it. The rows are sorted.")
        if self.adjusted:
            found.append("Bars are scaled to their adjusted close, so that splits and dividends make no difference.")
        if self.bars > self.days:
            found.append(f"Intraday: {self.bars:,} bars are put together into {self.days:,} daily ones.")
        if self.jumps:
            more = f", and {self.jumps - 1:,} more like it" if self.jumps > 1 else ""
            found.append(f"A close halves or doubles at once: {self.jump}{more}. Are the prices adjusted for splits?")
        return tuple(found)


@dataclass(frozen=True, eq=False)
class ParsedFile:
    """All bars of a file, and what a person should know about how they were read."""

    series: list[ParsedSeries]
    notes: tuple[str, ...]
    place_word: str = "line"


@dataclass(frozen=True, eq=False)
class Bars:
    """One row a bar, symbols mixed. rows : of the table; codes : index into `names`, which are sorted."""

    table: Table
    rows: Whole
    names: list[str]
    codes: Whole
    times: Moments
    values: dict[str, Floats]

    def taken(self, chosen: npt.NDArray[np.generic]) -> "Bars":
        """Some of the bars, or all in another order."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return Bars(self.table, self.rows[chosen], self.names, self.codes[chosen], self.times[chosen], values)

    def place(self, bar: int | np.integer) -> str:
        """Where a bar stood, for a person."""
        return self.table.place(self.rows[bar])

    def told(self, bar: int | np.integer) -> str:
        """Which bar it is, for a person."""
        return f"{self.names[self.codes[bar]]} on {shown_time(self.times[bar])}"


def shown_time(time: np.datetime64) -> str:
    """A day alone where there is no time of day."""
    day = time.astype("datetime64[D]")
    return str(day) if day == time else str(time).replace("T", " ")


def checked_series(bars: Bars, notes: Notes) -> list[ParsedSeries]:
    """What can be stored; BadPriceFile when something cannot be right."""
    bars = _sorted(bars, notes)
    _check(bars)
    bars = _daily(_adjusted(bars, notes), notes)
    _note_jumps(bars, notes)
    return _split(bars)


def _sorted(bars: Bars, notes: Notes) -> Bars:
    """By symbol, then by time; rows of the same time stay in the order of the file."""
    order = np.argsort(bars.codes, kind="stable")
    found = bars if (np.diff(order) == 1).all() else bars.taken(order)
    late = np.flatnonzero((found.times[1:] < found.times[:-1]) & (found.codes[1:] == found.codes[:-1])) + 1
    if not late.size:
        return found
    first = late[np.argmin(found.rows[late])]
    notes.late = notes.late or f"{found.place(first)} ({found.told(first)})"
    return found.taken(np.lexsort((found.times, found.codes)))


def _check(bars: Bars) -> None:
    """No missing, infinite or impossible value, and no moment twice for a symbol."""
    problems, count = list[tuple[int, str]](), 0

    def tell(bad: npt.NDArray[np.intp], what: Callable[[int], str]) -> None:
        nonlocal count
        count += bad.size
        problems.extend((bar, what(bar)) for bar in bad[:KEPT_PROBLEMS].tolist())

    for name, values in bars.values.items():
        tell(np.flatnonzero(~_possible(name, values)), lambda bar, n=name, v=values: _impossible(n, v[bar]))  # type: ignore[misc]
    if "high" in bars.values and "low" in bars.values:
        low, high = bars.values["low"], bars.values["high"]
        tell(np.flatnonzero(low > high), lambda bar: f"low {low[bar]:g} is above high {high[bar]:g}")
    twice = np.flatnonzero((bars.times[1:] == bars.times[:-1]) & (bars.codes[1:] == bars.codes[:-1])) + 1
    tell(twice, lambda bar: f"it was there before, on {bars.place(bar - 1)}")
    if problems:
        problems.sort(key=lambda problem: bars.rows[problem[0]])
        told = [(bars.place(bar), f"{bars.told(bar)}: {words}") for bar, words in problems]
        raise BadPriceFile(bars.table.name, *told, count=count)


def _possible(name: str, values: Floats) -> npt.NDArray[np.bool_]:
    return np.isfinite(values) & ((values >= 0) if name == "volume" else (values > 0))


def _impossible(name: str, value: float) -> str:
    wanted = "zero or more" if name == "volume" else "above zero"
    return f"{name} is missing" if np.isnan(value) else f"{name} is {value:g}; a number {wanted} is wanted"


def _adjusted(bars: Bars, notes: Notes) -> Bars:
    """Prices after splits and dividends: the whole bar is scaled as its close was."""
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
    """Several bars on a day become one: first open, highest high, lowest low, last close, all of the volume."""
    days = bars.times.astype("datetime64[D]")
    starts = np.concatenate([[True], (days[1:] != days[:-1]) | (bars.codes[1:] != bars.codes[:-1])])
    first = np.flatnonzero(starts)
    notes.bars += len(days)
    notes.days += first.size
    if first.size == len(days):
        return Bars(bars.table, bars.rows, bars.names, bars.codes, days, bars.values)
    last = np.append(first[1:], len(days)) - 1
    folded = {"high": np.maximum.reduceat, "low": np.minimum.reduceat, "volume": np.add.reduceat}
    values = {"close": bars.values["close"][last]}
    if "open" in bars.values:
        values["open"] = bars.values["open"][first]
    values |= {name: fold(bars.values[name], first) for name, fold in folded.items() if name in bars.values}
    return Bars(bars.table, bars.rows[first], bars.names, bars.codes[first], days[first], values)


def _note_jumps(bars: Bars, notes: Notes) -> None:
    """A close that halves or doubles at once is a crash, or a split that the prices are not adjusted for."""
    change = np.abs(np.diff(np.log(bars.values["close"])))
    jumps = np.flatnonzero((change > JUMP) & (bars.codes[1:] == bars.codes[:-1])) + 1
    if jumps.size:
        first = jumps[0]
        before, after = bars.values["close"][first - 1], bars.values["close"][first]
        notes.jumps += jumps.size
        notes.jump = notes.jump or f"{bars.told(first)} goes from {before:g} to {after:g} ({bars.place(first)})"


def _split(bars: Bars) -> list[ParsedSeries]:
    edges = np.flatnonzero(np.diff(bars.codes)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(bars.codes)]
    places = bars.table.places[bars.rows].astype(np.int32)
    return [
        ParsedSeries(
            bars.names[bars.codes[start]],
            {"date": bars.times[start:stop]} | {own: v[start:stop] for own, v in bars.values.items()},
            places[start:stop],
        )
        for start, stop in zip(starts, stops, strict=True)
    ]
