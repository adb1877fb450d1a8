"""One share on a line from 0 to 1, and the band in which pure noise lies."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 492.0, 44.0


@dataclass(frozen=True)
class ShareBand:
    """low, wide : where the band begins, and its width; mark : where the value is"""

    low: float
    wide: float
    mark: float

    width = WIDTH
    height = HEIGHT


def share_band(value: float, band: Sequence[float]) -> ShareBand:
    low, high = (round(WIDTH * share, 1) for share in band)
    return ShareBand(low, round(high - low, 1), round(WIDTH * value, 1))
