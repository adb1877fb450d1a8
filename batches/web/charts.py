"""Curves as SVG paths, drawn on the server: a page with a chart is complete without scripts. Pure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTH, LEFT, RIGHT = 960.0, 2.0, 58.0
TOP, EQUITY_HEIGHT, GAP, DRAWDOWN_HEIGHT, BOTTOM = 12.0, 300.0, 26.0, 96.0, 24.0
HEIGHT = TOP + EQUITY_HEIGHT + GAP + DRAWDOWN_HEIGHT + BOTTOM
POINTS = 480  # of each curve: two for a pixel of a phone, one for two pixels of a wide screen
LOG_FROM = 6.0  # a curve that grows more than so many times is drawn on a logarithmic scale
MOST_MARKS = 60


@dataclass(frozen=True)
class Scale:
    """From a value to a height in the picture."""

    low: float
    high: float
    top: float
    height: float
    log: bool = False

    def y(self, values: Floats) -> Floats:
        """Heights, float64[n]."""
        low, high = self._inner(np.array([self.low, self.high]))
        heights: Floats = self.top + self.height * (1 - (self._inner(values) - low) / ((high - low) or 1.0))
        return heights

    def _inner(self, values: Floats) -> Floats:
        return np.log(np.maximum(values, self.low)) if self.log else values


def equity_chart(played: dict[str, Any]) -> dict[str, Any]:
    """The chart of a combination as the API answers it: paths, ticks, trade marks, and the points for the cursor."""
    n_bars = len(played["dates"])
    bars = np.unique(np.linspace(0, n_bars - 1, min(n_bars, POINTS)).astype(np.int64))
    held = played["buyAndHold"]
    equity, hold = (np.array(curve, dtype=np.float64)[bars] for curve in (played["equity"], held["equity"]))
    lots = np.array(held["samePurchases"]["equity"])[bars] if "samePurchases" in held else None
    drawdown = _lowest_between(np.array(played["drawdown"], dtype=np.float64), bars)
    drawn = np.concatenate([curve for curve in (equity, hold, lots) if curve is not None])
    low, high = float(drawn.min()), float(drawn.max())
    money = Scale(low, high, TOP, EQUITY_HEIGHT, log=low > 0 and high / low > LOG_FROM)
    depth = Scale(min(float(drawdown.min()), -0.01), 0.0, TOP + EQUITY_HEIGHT + GAP, DRAWDOWN_HEIGHT)
    x = _x(bars, n_bars)
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "label_x": WIDTH - RIGHT + 8,
        "bottom": HEIGHT - BOTTOM,
        "log": money.log,
        "equity": path(x, money.y(equity)),
        "hold": path(x, money.y(hold)),
        "lots": "" if lots is None else path(x, money.y(lots)),
        "drawdown": _area(x, depth.y(drawdown), depth.top),
        "money_ticks": _heights(money, _log_ticks(low, high) if money.log else ticks(low, high), money_text),
        "depth_ticks": _heights(depth, ticks(depth.low, 0.0, 3), lambda v: f"{v:.0%}"),
        "year_ticks": _year_ticks(played["dates"]),
        "marks": _marks(played, money),
        "points": {
            "x": [round(v, 1) for v in x.tolist()],
            "dates": [played["dates"][bar] for bar in bars.tolist()],
            "equity": [round(v, 2) for v in equity.tolist()],
            "hold": [round(v, 2) for v in hold.tolist()],
            "drawdown": [round(v, 4) for v in drawdown.tolist()],
        },
    }


def path(x: Floats, y: Floats) -> str:
    """`M0 1L2 3...` through all points."""
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers between low and high, about as many as wanted."""
    span = high - low
    if span <= 0:
        return [low]
    rough = span / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [round(i * step, 10) for i in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 in each decade; the decades alone when there are many."""
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
    """The lowest value since the bar drawn before: thinning out must not hide a drawdown."""
    starts = np.concatenate(([0], bars[:-1] + 1))
    lowest: Floats = np.minimum.reduceat(values, starts)
    return lowest


def _area(x: Floats, y: Floats, base: float) -> str:
    return f"{path(x, y)}L{x[-1]:.1f} {base:.1f}L{x[0]:.1f} {base:.1f}Z"


def _heights(scale: Scale, values: list[float], text: Any) -> list[dict[str, Any]]:
    heights = scale.y(np.array(values)).tolist()
    return [
        {"y": round(y, 1), "text_y": round(y + 4, 1), "text": text(v)} for v, y in zip(values, heights, strict=True)
    ]


def _year_ticks(dates: list[str]) -> list[dict[str, Any]]:
    """The first bar of a year, every so many years; of a month, when the test is short."""
    length = 4 if dates[0][:4] != dates[-1][:4] else 7
    starts = [i for i in range(1, len(dates)) if dates[i][:length] != dates[i - 1][:length]]
    every = max(1, math.ceil(len(starts) / 9))
    xs = _x(np.array(starts[::every], dtype=np.int64), len(dates)).tolist()
    return [{"x": round(x, 1), "text": dates[i][:length]} for x, i in zip(xs, starts[::every], strict=True)]


def _marks(played: dict[str, Any], scale: Scale) -> dict[str, str]:
    """A path for all buys and one for all sells: triangles at the curve, strokes at its foot when they are many."""
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
    return {side: "".join(drawn) for side, drawn in marks.items()}


def _triangle(x: float, y: float, *, up: bool) -> str:
    tip, foot = (y + 3, y + 11) if up else (y - 3, y - 11)
    return f"M{x:.1f} {tip:.1f}L{x - 4.5:.1f} {foot:.1f}L{x + 4.5:.1f} {foot:.1f}Z"


def _stroke(x: float, *, up: bool) -> str:
    """Buys in a row above sells, between the equity and the drawdown."""
    return f"M{x:.1f} {TOP + EQUITY_HEIGHT + (6 if up else 14):.1f}v7"


BINS, BAR_WIDTH, BAR_HEIGHT = 48, 12.0, 130.0
TAIL = 0.5  # percent of the tests left out at each end: one wild test must not flatten all others


def histogram(values: Floats) -> dict[str, Any]:
    """How often each value of a metric came out, as bars; the median and what was left out are told beside it."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return {"bars": [], "count": 0}
    low, high = np.percentile(defined, [TAIL, 100 - TAIL])
    counts, edges = np.histogram(defined, bins=BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    tallest = max(1, int(counts.max()))
    heights = BAR_HEIGHT * counts / tallest
    return {
        "width": BINS * BAR_WIDTH,
        "height": BAR_HEIGHT,
        "bars": [
            {
                "x": i * BAR_WIDTH,
                "y": round(BAR_HEIGHT - height, 1),
                "height": round(height, 1),
                "count": int(count),
                "low": float(edges[i]),
                "high": float(edges[i + 1]),
            }
            for i, (height, count) in enumerate(zip(heights.tolist(), counts.tolist(), strict=True))
        ],
        "low": float(edges[0]),
        "high": float(edges[-1]),
        "median": float(np.median(defined)),
        "count": len(defined),
        "outside": len(defined) - int(counts.sum()),
    }


def explained(values: Floats, group: npt.NDArray[Any]) -> float:
    """Share of the variance of `values` that lies between the groups (eta squared), 0 to 1; NaN without variance."""
    defined = ~np.isnan(values)
    values = values[defined]
    _, number = np.unique(group[defined], return_inverse=True)
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total == 0.0:
        return math.nan
    counts = np.bincount(number)
    means = np.bincount(number, weights=values) / counts
    return float((counts * (means - values.mean()) ** 2).sum() / total)


def monthly_returns(dates: list[str], equity: list[float]) -> list[dict[str, Any]]:
    """A line for each year: twelve returns (None where there are no bars) and the year's."""
    last: dict[str, float] = {}
    for day, value in zip(dates, equity, strict=True):
        last[day[:7]] = value
    before, years = equity[0], dict[str, list[float | None]]()
    for month, value in last.items():
        line = years.setdefault(month[:4], [None] * 12)
        line[int(month[5:]) - 1] = value / before - 1 if before > 0 else None
        before = value
    return [{"year": year, "months": line, "total": _compounded(line)} for year, line in years.items()]


def _compounded(returns: list[float | None]) -> float:
    return math.prod(1 + each for each in returns if each is not None) - 1
