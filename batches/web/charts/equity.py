"""The equity chart of a combination as SVG paths, drawn on the server so that it needs no scripts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTH, LEFT, RIGHT = 960.0, 2.0, 58.0
TOP, EQUITY_HEIGHT, GAP, DRAWDOWN_HEIGHT, BOTTOM = 12.0, 300.0, 26.0, 96.0, 24.0
HEIGHT = TOP + EQUITY_HEIGHT + GAP + DRAWDOWN_HEIGHT + BOTTOM
POINTS = 480  # of each curve: two per pixel of a phone, one per two pixels of a wide screen
LOG_FROM = 6.0  # ratio of the highest to the lowest value from which the scale is logarithmic
MOST_MARKS = 60  # trades; more are marked by strokes below the curve


@dataclass(frozen=True)
class Scale:
    """Maps values to heights in the picture."""

    low: float
    high: float
    top: float
    height: float
    log: bool = False

    def y(self, values: Floats) -> Floats:
        low, high = self._inner(np.array([self.low, self.high]))
        heights: Floats = self.top + self.height * (1 - (self._inner(values) - low) / ((high - low) or 1.0))
        return heights

    def _inner(self, values: Floats) -> Floats:
        return np.log(np.maximum(values, self.low)) if self.log else values


@dataclass(frozen=True)
class EquityChart:
    """Curves and marks as SVG paths, ticks, and the points that the cursor reads out. lots : "" without lots"""

    log: bool
    equity: str
    hold: str
    lots: str
    drawdown: str
    money_ticks: list[dict[str, Any]]
    depth_ticks: list[dict[str, Any]]
    year_ticks: list[dict[str, Any]]
    marks: dict[str, str]
    points: dict[str, list[Any]]

    width = WIDTH
    height = HEIGHT
    left = LEFT
    right = WIDTH - RIGHT
    label_x = WIDTH - RIGHT + 8
    bottom = HEIGHT - BOTTOM


def equity_chart(played: dict[str, Any]) -> EquityChart:
    n_bars = len(played["dates"])
    bars = np.unique(np.linspace(0, n_bars - 1, min(n_bars, POINTS)).astype(np.int64))
    held = played["buyAndHold"]
    equity, hold = (np.array(curve, dtype=np.float64)[bars] for curve in (played["equity"], held["equity"]))
    lots = np.array(held["samePurchases"]["equity"])[bars] if "samePurchases" in held else None
    drawdown = _lowest_between(np.array(played["drawdown"], dtype=np.float64), bars)
    curves = np.concatenate([curve for curve in (equity, hold, lots) if curve is not None])
    low, high = float(curves.min()), float(curves.max())
    money = Scale(low, high, TOP, EQUITY_HEIGHT, log=low > 0 and high / low > LOG_FROM)
    depth = Scale(min(float(drawdown.min()), -0.01), 0.0, TOP + EQUITY_HEIGHT + GAP, DRAWDOWN_HEIGHT)
    x = _x(bars, n_bars)
    return EquityChart(
        log=money.log,
        equity=path(x, money.y(equity)),
        hold=path(x, money.y(hold)),
        lots="" if lots is None else path(x, money.y(lots)),
        drawdown=_area(x, depth.y(drawdown), depth.top),
        money_ticks=_heights(money, _log_ticks(low, high) if money.log else ticks(low, high), money_text),
        depth_ticks=_heights(depth, ticks(depth.low, 0.0, 3), lambda v: f"{v:.0%}"),
        year_ticks=_year_ticks(played["dates"]),
        marks=_marks(played, money),
        points={
            "x": [round(v, 1) for v in x.tolist()],
            "dates": [played["dates"][bar] for bar in bars.tolist()],
            "equity": [round(v, 2) for v in equity.tolist()],
            "hold": [round(v, 2) for v in hold.tolist()],
            "drawdown": [round(v, 4) for v in drawdown.tolist()],
        },
    )


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


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade; the decades alone when there are many."""
    factors = (1, 2, 5) if high / low < 500 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [v for decade in decades for factor in factors if low <= (v := factor * 10.0**decade) <= high]


def money_text(value: float) -> str:
    """`150k`, `2.5M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _x(bars: npt.NDArray[np.int64], n_bars: int) -> Floats:
    return LEFT + (WIDTH - LEFT - RIGHT) * bars / max(1, n_bars - 1)


def _lowest_between(values: Floats, bars: npt.NDArray[np.int64]) -> Floats:
    """Return the lowest value since the previous drawn bar: thinning out must not hide a drawdown."""
    starts = np.concatenate(([0], bars[:-1] + 1))
    lowest: Floats = np.minimum.reduceat(values, starts)
    return lowest


def _area(x: Floats, y: Floats, base: float) -> str:
    return f"{path(x, y)}L{x[-1]:.1f} {base:.1f}L{x[0]:.1f} {base:.1f}Z"


def _heights(scale: Scale, values: list[float], text: Callable[[float], str]) -> list[dict[str, Any]]:
    heights = scale.y(np.array(values)).tolist()
    return [
        {"y": round(y, 1), "text_y": round(y + 4, 1), "text": text(v)} for v, y in zip(values, heights, strict=True)
    ]


def _year_ticks(dates: list[str]) -> list[dict[str, Any]]:
    """Mark the first bar of each year, or of each month of a short test; at most nine."""
    length = 4 if dates[0][:4] != dates[-1][:4] else 7
    starts = [i for i in range(1, len(dates)) if dates[i][:length] != dates[i - 1][:length]]
    bars = starts[:: max(1, math.ceil(len(starts) / 9))]
    xs = _x(np.array(bars, dtype=np.int64), len(dates)).tolist()
    return [{"x": round(x, 1), "text": dates[bar][:length]} for x, bar in zip(xs, bars, strict=True)]


def _marks(played: dict[str, Any], scale: Scale) -> dict[str, str]:
    """Return the paths of all buys and of all sells: triangles at the curve, or strokes below it for many."""
    bar_of = {day: bar for bar, day in enumerate(played["dates"])}
    many = len(played["trades"]) > MOST_MARKS
    marks: dict[str, list[str]] = {"buy": [], "sell": []}
    for trade in played["trades"]:
        long = trade["side"] == "long"
        for day, up in ((trade["entryDate"], long), (trade["exitDate"], not long)):
            if day is None:
                continue
            bar = bar_of[day]
            x = float(_x(np.array([bar]), len(bar_of))[0])
            y = float(scale.y(np.array([played["equity"][bar]]))[0])
            marks["buy" if up else "sell"].append(_stroke(x, up=up) if many else _triangle(x, y, up=up))
    return {side: "".join(shapes) for side, shapes in marks.items()}


def _triangle(x: float, y: float, *, up: bool) -> str:
    tip, foot = (y + 3, y + 11) if up else (y - 3, y - 11)
    return f"M{x:.1f} {tip:.1f}L{x - 4.5:.1f} {foot:.1f}L{x + 4.5:.1f} {foot:.1f}Z"


def _stroke(x: float, *, up: bool) -> str:
    """Buys in a row above the sells, between equity and drawdown."""
    return f"M{x:.1f} {TOP + EQUITY_HEIGHT + (6 if up else 14):.1f}v7"
