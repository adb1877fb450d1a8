"""The equity of a walk-forward, against holding and the winner that hindsight would have picked."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats
from batches.formatting import metric, with_minus
from batches.web.charts.lanes import LOG_FROM, SIZE, Scale, log_ticks, path, ticks

WIDTH, HEIGHT, LABELS, FOOT = 960.0, 260.0, 58.0, 24.0
STRIP, TEXT_WIDTH = 28.0, 40.0


@dataclass(frozen=True)
class StitchedChart:
    """paths : by name, "" for a curve that is not drawn; heights, years : (position, text)

    strip : (x, width, whether it gained, Sharpe ratio out of sample) of each window, "" where that has no room
    """

    paths: dict[str, str]
    heights: list[tuple[float, str]]
    years: list[tuple[float, str]]
    strip: list[tuple[float, float, bool, str]]

    width = WIDTH
    height = HEIGHT + FOOT
    right = WIDTH - LABELS
    bottom = HEIGHT
    strip_top, strip_height = HEIGHT - STRIP, STRIP - 4


def stitched_chart(curve: Mapping[str, Any], windows: Sequence[Mapping[str, Any]] = ()) -> StitchedChart:
    """windows : those of the walk-forward, drawn as a strip below the curves"""
    curves = {name: np.array(curve[name]) for name in ("equity", "holding", "hindsight") if curve[name]}
    drawn = np.concatenate(list(curves.values()))
    low, high = float(drawn.min()), float(drawn.max())
    n = len(curve["dates"])
    x = (WIDTH - LABELS) * np.arange(n) / max(1, n - 1)
    is_log = low > 0 and high / low > LOG_FROM
    scale = Scale(low, high, log=is_log)
    room = HEIGHT - 12 - (STRIP if windows else 0)

    def y(values: Floats) -> Floats:
        return 6.0 + room / SIZE * scale.y(values)

    paths = {name: path(x, y(curves[name])) if name in curves else "" for name in ("equity", "holding", "hindsight")}
    starts = [i for i in range(1, n) if curve["dates"][i][:4] != curve["dates"][i - 1][:4]]
    starts = starts[:: max(1, -(-len(starts) // 9))]
    values = np.array((log_ticks if is_log else ticks)(low, high))
    heights = [(round(height, 1), _gain(value)) for height, value in zip(y(values).tolist(), values, strict=True)]
    years = [(round(float(x[i]), 1), curve["dates"][i][:4]) for i in starts]
    return StitchedChart(paths, heights, years, _strip(curve["dates"], x, windows))


def _gain(value: float) -> str:
    return with_minus(f"{value - 1:+,.0%}") if value != 1 else "0%"


def _strip(dates: Sequence[str], x: Any, windows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, bool, str]]:
    at = [min(bisect_left(dates, window["testFrom"]), len(dates) - 1) for window in windows]
    edges = [round(float(x[place]), 1) for place in at] + [round(float(x[-1]), 1)]
    return [
        (
            left,
            round(right - left, 1),
            window["outOfSampleReturn"] >= 0,
            metric(window["outOfSampleSharpe"], "ratio") if right - left >= TEXT_WIDTH else "",
        )
        for left, right, window in zip(edges, edges[1:], windows, strict=False)
    ]
