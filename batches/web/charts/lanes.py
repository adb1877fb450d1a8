"""Lanes of a chart: curves over one another on a common axis of bars, as SVG in thousandths of its width and height.

The picture is stretched to the width of the page; texts and marks stand outside of the stretched part, in percent.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine.arrays import Days, Floats, Ints
from backtester.engine.bar_sizes import first_bars
from batches.formatting import plain, with_minus

SIZE = 1000.0
POINTS = 700  # of a curve: the lowest and the highest value of each two to three pixels
LOG_FROM = 6.0  # ratio of the highest to the lowest value from which the scale is logarithmic
UNITS = (("Y", 8), ("M", 6), ("D", 4), ("h", 4))  # of the time axis, with as many labels as fit a phone


@dataclass(frozen=True)
class Curve:
    """kind : its class in the style sheet; label : "" for none; values : float64[n], NaN where there are none"""

    kind: str
    label: str
    values: Floats


@dataclass(frozen=True)
class Scale:
    """Maps values to thousandths of the height, from the top."""

    low: float
    high: float
    log: bool = False

    def y(self, values: Floats) -> Floats:
        low, high = self._inner(np.array([self.low, self.high]))
        heights: Floats = SIZE * (1 - (self._inner(values) - low) / ((high - low) or 1.0))
        return heights

    def _inner(self, values: Floats) -> Floats:
        return np.log(np.maximum(values, self.low)) if self.log else values


@dataclass(frozen=True)
class Lane:
    """legend : (class, label); paths : (class, path), the last on top; ticks : (percent of the height, text)"""

    name: str
    title: str
    scale: Scale
    legend: list[tuple[str, str]]
    paths: list[tuple[str, str]]
    ticks: list[tuple[str, str]]
    marks: list[Any] = field(default_factory=list)


def lane(name: str, title: str, curves: list[Curve], *, log: bool | None) -> Lane:
    """Draw the curves. log : None for a logarithmic scale where the values grow many times; never for values of 0"""
    low, high = (float(end([end(curve.values) for curve in curves])) for end in (np.fmin.reduce, np.fmax.reduce))
    is_log = low > 0 and (high / low > LOG_FROM if log is None else log)
    at = log_ticks(low, high) if is_log else ticks(low, high)
    pad = (high / low) ** 0.04 if is_log else (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    scale = Scale(low / pad, high * pad, log=True) if is_log else Scale(low - pad, high + pad)
    paths = [(curve.kind, curve_path(curve.values, scale)) for curve in reversed(curves)]
    legend = [(curve.kind, curve.label) for curve in curves if curve.label]
    return Lane(name, title, scale, legend, paths, _heights(scale, at, money_text))


def depth_lane(drawdown: Floats) -> Lane:
    """Draw the fall from the highest value so far as an area that hangs from zero."""
    scale = Scale(min(float(drawdown.min()), -0.01), 0.0)
    area = f"M0 0L{curve_path(drawdown, scale)[1:]}L1000 0Z"
    return Lane(
        "drawdown", "Drawdown", scale, [], [("drawdown", area)], _heights(scale, ticks(scale.low, 0.0, 3), _share)
    )


def curve_path(values: Floats, scale: Scale) -> str:
    """Return the line through the extremes of each stretch of values, "" without any value."""
    is_known = np.isfinite(values)
    if not is_known.any():
        return ""
    if is_known.all():
        bars = extremes(values, POINTS)
    else:
        known = np.flatnonzero(is_known)
        bars = known[extremes(values[known], POINTS)]
    places = zip((SIZE * bars / max(1, len(values) - 1)).tolist(), scale.y(values[bars]).tolist(), strict=True)
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in places)


def extremes(values: Floats, points: int) -> Ints:
    """Return the positions of at most `points` values: the lowest and the highest of each stretch, and both ends."""
    n = len(values)
    if n <= points:
        return np.arange(n)
    edges = np.linspace(0, n, points // 2).astype(np.int64)
    places = [
        first + place
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        for place in (int(np.argmin(values[first:last])), int(np.argmax(values[first:last])))
    ]
    return np.unique(np.array([0, *places, n - 1], dtype=np.int64))


def path(x: Floats, y: Floats) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers between low and high."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade; the decades alone when there are many; round numbers when there are few."""
    factors = (1, 2, 5) if high / low < 100 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    chosen = [v for decade in decades for factor in factors if low <= (v := factor * 10.0**decade) <= high]
    return chosen if len(chosen) > 1 else ticks(low, high)


def money_text(value: float) -> str:
    """`150k`, `2.5M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def time_ticks(dates: Days) -> list[tuple[str, str, str]]:
    """Return (percent of the width, anchor, text) of the first bar of some years, months, days or hours."""
    at = [(unit, most, first_bars(dates, unit)) for unit, most in UNITS]
    unit, most, starts = next((choice for choice in at if len(choice[2]) > 2), at[-1])
    starts = starts[:: max(1, math.ceil(len(starts) / most))]
    periods = dates[starts].astype(f"datetime64[{unit}]")
    places = 100.0 * starts / max(1, len(dates) - 1)
    texts = [str(period).replace("T", " ") + (":00" if unit == "h" else "") for period in periods]
    return [
        (f"{x:.2f}", "start" if x < 2 else "end" if x > 98 else "middle", text)
        for x, text in zip(places.tolist(), texts, strict=True)
    ]


def percent_of(thousandths: npt.ArrayLike) -> list[str]:
    return [f"{value / 10:.2f}" for value in np.atleast_1d(np.asarray(thousandths, dtype=np.float64)).tolist()]


def _heights(scale: Scale, values: list[float], text: Callable[[float], str]) -> list[tuple[str, str]]:
    return list(zip(percent_of(scale.y(np.array(values))), map(text, values), strict=True))


def _share(value: float) -> str:
    return with_minus(f"{plain(value * 100)}%")
