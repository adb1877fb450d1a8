"""A histogram of stored counts with a line where one value stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BAR_WIDTH, HEIGHT = 12.0, 130.0


@dataclass(frozen=True)
class MarkedHistogram:
    """bars : (x, y, height, count, low, high); mark_x : of the line; most_x : of the line at 95 %, None without one

    label, unit : of the counted values
    """

    bars: list[tuple[float, float, float, int, float, float]]
    low: float
    high: float
    mark: float
    mark_x: float
    most_x: float | None
    width: float
    label: str
    unit: str

    height = HEIGHT
    bar_width = BAR_WIDTH - 1


def marked_histogram(
    stored: Mapping[str, Any], label: str, unit: str = "ratio", most: float | None = None
) -> MarkedHistogram:
    """Return the bars of {from, to, counts, mark}. most : what 95 % of them do not exceed"""
    counts, low, high = stored["counts"], stored["from"], stored["to"]
    size = (high - low) / len(counts)
    tallest = max(counts) or 1
    bars = []
    for number, count in enumerate(counts):
        height = round(HEIGHT * count / tallest, 1)
        place = (number * BAR_WIDTH, round(HEIGHT - height, 1), height)
        bars.append((*place, count, low + number * size, low + (number + 1) * size))
    width = BAR_WIDTH * len(counts)

    def x(value: float) -> float:
        return float(round(width * (value - low) / (high - low), 1))

    most_x = None if most is None else x(most)
    return MarkedHistogram(bars, low, high, stored["mark"], x(stored["mark"]), most_x, width, label, unit)
