"""Histograms of a metric over the tests of one batch, or of two on one scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS, BAR_WIDTH, BAR_HEIGHT = 48, 12.0, 130.0
OUTLINE_BINS, OUTLINE_WIDTH, OUTLINE_HEIGHT = 60, 600.0, 150.0
TAILS = (0.5, 99.5)  # percentiles: one wild test must not flatten all others


def histogram(values: Floats) -> dict[str, Any]:
    """Return the bars of the values between the tails, with the median and the number of values beyond the tails."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return {"bars": [], "count": 0}
    low, high = np.percentile(defined, TAILS)
    counts, edges = np.histogram(defined, bins=BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    heights = BAR_HEIGHT * counts / max(1, int(counts.max()))
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


def outlines(samples: Sequence[Floats]) -> dict[str, Any]:
    """Return the histograms of several batches as paths on one scale; {} when there is nothing to draw."""
    defined = [values[~np.isnan(values)] for values in samples]
    if not all(len(values) for values in defined):
        return {}
    ends = [np.percentile(values, TAILS) for values in defined]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    if low >= high:
        return {}
    shares = [np.histogram(values, bins=OUTLINE_BINS, range=(low, high))[0] / len(values) for values in defined]
    tallest = max(float(share.max()) for share in shares) or 1.0
    return {
        "width": OUTLINE_WIDTH,
        "height": OUTLINE_HEIGHT,
        "low": low,
        "high": high,
        "medians": [float(np.median(values)) for values in defined],
        "paths": [_outline(OUTLINE_HEIGHT * (1 - share / tallest)) for share in shares],
    }


def _outline(heights: Floats) -> str:
    width = OUTLINE_WIDTH / len(heights)
    steps = [f"H{i * width:.0f}V{y:.1f}H{(i + 1) * width:.0f}" for i, y in enumerate(heights.tolist())]
    return f"M0 {OUTLINE_HEIGHT:.0f}{''.join(steps)}V{OUTLINE_HEIGHT:.0f}"
