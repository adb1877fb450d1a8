"""Histograms of a metric over the tests of one batch, or of two on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS, BAR_WIDTH, BAR_HEIGHT = 48, 12.0, 130.0
OUTLINE_BINS, OUTLINE_WIDTH, OUTLINE_HEIGHT = 60, 600.0, 150.0
TAILS = (0.5, 99.5)  # percentiles
FAR = 0.5  # beyond a tail, in spans between them: so far out, one wild test would flatten all others


@dataclass(frozen=True)
class Bar:
    """low, high : the values at its sides"""

    x: float
    y: float
    height: float
    count: int
    low: float
    high: float


@dataclass(frozen=True)
class Histogram:
    """count : of all values; outside : of those far beyond the tails, which have no bar"""

    bars: list[Bar]
    low: float
    high: float
    median: float
    count: int
    outside: int

    width = BINS * BAR_WIDTH
    height = BAR_HEIGHT


@dataclass(frozen=True)
class Outlines:
    """Histograms on one scale. low, high : the ends of the scale; paths : SVG"""

    low: float
    high: float
    medians: list[float]
    paths: list[str]

    width = OUTLINE_WIDTH
    height = OUTLINE_HEIGHT


def histogram(values: Floats) -> Histogram | None:
    """Return the bars of the values that are not wild; None without a defined value."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = _ends(defined)
    around = abs(low) / 10 or 0.01  # of a single value
    counts, edges = np.histogram(defined, bins=BINS, range=(low, high) if high > low else (low - around, low + around))
    heights = BAR_HEIGHT * counts / max(1, int(counts.max()))
    sides = edges.tolist()
    bars = [
        Bar(i * BAR_WIDTH, round(BAR_HEIGHT - height, 1), round(height, 1), count, sides[i], sides[i + 1])
        for i, (height, count) in enumerate(zip(heights.tolist(), counts.tolist(), strict=True))
    ]
    outside = len(defined) - int(counts.sum())
    return Histogram(bars, sides[0], sides[-1], float(np.median(defined)), len(defined), outside)


def _ends(values: Floats) -> tuple[float, float]:
    """Return the least and the greatest value, or the tail where they lie far beyond it."""
    low, high = (float(tail) for tail in np.percentile(values, TAILS))
    least, most, far = float(values.min()), float(values.max()), FAR * (high - low)
    return least if least >= low - far else low, most if most <= high + far else high


def outlines(samples: Sequence[Floats]) -> Outlines | None:
    """Return the histograms of several batches; None when there is nothing to draw."""
    defined = [values[~np.isnan(values)] for values in samples]
    if not all(len(values) for values in defined):
        return None
    ends = [_ends(values) for values in defined]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if low >= high:
        return None
    shares = [np.histogram(values, bins=OUTLINE_BINS, range=(low, high))[0] / len(values) for values in defined]
    tallest = max(float(share.max()) for share in shares) or 1.0
    medians = [float(np.median(values)) for values in defined]
    return Outlines(low, high, medians, [_outline(OUTLINE_HEIGHT * (1 - share / tallest)) for share in shares])


def _outline(heights: Floats) -> str:
    width = OUTLINE_WIDTH / len(heights)
    steps = [f"H{i * width:.0f}V{y:.1f}H{(i + 1) * width:.0f}" for i, y in enumerate(heights.tolist())]
    return f"M0 {OUTLINE_HEIGHT:.0f}{''.join(steps)}V{OUTLINE_HEIGHT:.0f}"
