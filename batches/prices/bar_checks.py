"""Bars that cannot be: missing, infinite or negative values, prices outside low to high, two bars at one instant."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from batches.prices.bar_rows import Bars
from batches.prices.cells import Floats
from batches.prices.notes import Notes
from batches.prices.problems import RowProblems
from batches.prices.tables import HINT

ROUNDING = 1e-6  # of the price: no more than the rounding of a price that was computed
CLOSES_ALONE = "To read closes alone, leave column.open, column.high and column.low empty. "


def kept_once(bars: Bars, notes: Notes) -> Bars:
    """Leave out rows that repeat another one in every value."""
    copies = _at_same_instant(bars)
    for values in bars.values.values():
        copies = copies[_equal(values[copies], values[copies - 1])]
    if not copies.size:
        return bars
    first = copies[np.argmin(bars.rows[copies])]
    notes.n_twice += copies.size
    notes.twice = notes.twice or f"{bars.place(first)} ({bars.label(first)})"
    return bars.take(np.setdiff1d(np.arange(len(bars.codes)), copies, assume_unique=True))


def _at_same_instant(bars: Bars) -> npt.NDArray[np.intp]:
    instants = bars.times.instants
    return np.flatnonzero((instants[1:] == instants[:-1]) & (bars.codes[1:] == bars.codes[:-1])) + 1


def _equal(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    equal: npt.NDArray[np.bool_] = (one == other) | (np.isnan(one) & np.isnan(other))
    return equal


def check_bars(bars: Bars, problems: RowProblems) -> Bars:
    """Report the bars that cannot be, and return the others."""
    bad = np.zeros(len(bars.codes), dtype=bool)

    def add(wrong: npt.NDArray[np.bool_], message: Callable[[int], str]) -> None:
        new = np.flatnonzero(wrong & ~bad)
        if new.size:
            problems.add_rows(bars.rows[new], lambda index: f"{bars.label(new[index])}: {message(int(new[index]))}")
            bad[new] = True

    for name, values in bars.values.items():
        possible = np.isnan(values) | (values >= 0) if name == "volume" else values > 0
        wrong = ~(possible & ~np.isinf(values))
        add(wrong, lambda bar, n=name, v=values: _impossible(n, v[bar]))  # type: ignore[misc]
        unknown = wrong & ((values == 0) | np.isnan(values)) & (bars.values["close"] > 0)
        if name in ("open", "high", "low") and unknown.any():
            problems.hint = CLOSES_ALONE + HINT
    _check_ranges(bars, add)
    copies = np.zeros(len(bad), dtype=bool)
    copies[_at_same_instant(bars)] = True
    add(copies, lambda bar: f"duplicate of {bars.place(bar - 1)} with other values")
    return bars.take(np.flatnonzero(~bad)) if bad.any() else bars


def _check_ranges(bars: Bars, add: Callable[[npt.NDArray[np.bool_], Callable[[int], str]], None]) -> None:
    """Excesses of rounding are no reason to refuse a bar."""
    if not {"high", "low"} <= bars.values.keys():
        return
    low, high = bars.values["low"], bars.values["high"]
    add(low > high, lambda bar: f"low must not be above high, got {low[bar]:g} and {high[bar]:g}")
    for name in ("open", "close"):
        if name in bars.values:
            price = bars.values[name]
            outside = (price > high * (1 + ROUNDING)) | (price < low * (1 - ROUNDING))
            add(outside, _outside(name, price, low, high))


def _outside(name: str, price: Floats, low: Floats, high: Floats) -> Callable[[int], str]:
    return lambda bar: (
        f"{name} must be within low and high, got {price[bar]:g}, low {low[bar]:g} and high {high[bar]:g}"
    )


def _impossible(name: str, value: float) -> str:
    allowed = "0 or more" if name == "volume" else "above 0"
    return f"{name} is missing" if np.isnan(value) else f"{name} must be {allowed}, got {value:g}"
