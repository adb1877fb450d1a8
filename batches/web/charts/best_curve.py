"""The best result so far against the tests done, as a step line; `best-curve.js` continues it live."""

from collections.abc import Sequence
from dataclasses import dataclass

from batches.formatting import count, duration, metric
from batches.models import BatchSession
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

WIDTH, HEIGHT = 1000, 160


@dataclass(frozen=True)
class BestCurve:
    """points : [active seconds, tests done, best value]; low, high : texts of the lowest and the highest value"""

    points: list[list[float]]
    path: str
    low: str
    high: str
    words: str

    width = WIDTH
    height = HEIGHT


def best_curve(session: BatchSession) -> BestCurve:
    points = session.improvements
    unit = METRICS_BY_WIRE_NAME[session.sort_by].unit
    values = [value for _, _, value in points]
    return BestCurve(
        points=points,
        path=step_path(points, session.current, session.total),
        low=metric(min(values), unit) if values else "",
        high=metric(max(values), unit) if values else "",
        words=curve_words(points, unit),
    )


def step_path(points: Sequence[Sequence[float]], current: int, total: int) -> str:
    """Return the line from the first improvement to the tests done now; "" without one."""
    if not points:
        return ""
    values = [value for _, _, value in points]
    low, high = min(values), max(values)
    heights = [round(HEIGHT * (1 - (value - low) / (high - low)) if high > low else HEIGHT / 2, 1) for value in values]
    across = [round(WIDTH * min(tests, total) / max(total, 1), 1) for _, tests, _ in points]
    end = round(WIDTH * current / max(total, 1), 1)
    steps = "".join(f"H{x:g}V{y:g}" for x, y in zip(across[1:], heights[1:], strict=True))
    return f"M{across[0]:g} {heights[0]:g}{steps}H{max(end, across[-1]):g}"


def curve_words(points: Sequence[Sequence[float]], unit: str) -> str:
    """Describe the line for screen readers."""
    if not points:
        return ""
    (_, first_tests, first), (seconds, tests, last) = points[0], points[-1]
    if len(points) == 1:
        return f"{metric(last, unit)} from the first results on."
    return (
        f"From {metric(first, unit)} after {count(first_tests)} tests to {metric(last, unit)}"
        f" after {count(tests)} tests and {duration(seconds)}."
    )
