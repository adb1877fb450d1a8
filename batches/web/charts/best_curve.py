"""The best result so far against the tests done, as a step line; `best-curve.js` continues it live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batches.formatting import counted, duration, metric
from batches.models import BatchSession
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

WIDTH, HEIGHT = 1000, 160
Point = Sequence[Any]  # batches of older versions have no luck line


@dataclass(frozen=True)
class BestCurve:
    """points : [active seconds, tests done, best value, luck line]; path, luck : the lines of the last two

    low, high : texts of the lowest and the highest value
    """

    points: list[Point]
    path: str
    luck: str
    low: str
    high: str
    words: str

    width = WIDTH
    height = HEIGHT


def best_curve(session: BatchSession) -> BestCurve:
    points = session.improvements
    unit = METRICS_BY_WIRE_NAME[session.sort_by].unit
    newest = session.luck["sharpe"] if session.luck and session.sort_by == "sharpe" else None
    values = drawn_values(points, newest)
    return BestCurve(
        points=points,
        path=step_path(points, session.current, session.total, newest),
        luck=luck_path(points, session.current, session.total, newest),
        low=metric(min(values), unit) if values else "",
        high=metric(max(values), unit) if values else "",
        words=curve_words(points, unit),
    )


def step_path(points: Sequence[Point], current: int, total: int, newest: float | None = None) -> str:
    """Return the line from the first improvement to the tests done now; "" without one. newest : luck line"""
    return _steps([(tests, value) for _, tests, value, *_ in points], drawn_values(points, newest), current, total)


def luck_path(points: Sequence[Point], current: int, total: int, newest: float | None) -> str:
    """Return the line of what luck alone would show, "" without one."""
    steps = [(int(point[1] or 0), point[3]) for point in points if len(point) > 3 and point[3] is not None]
    if newest is not None:
        steps.append((current, newest))
    return _steps(steps, drawn_values(points, newest), current, total)


def drawn_values(points: Sequence[Point], newest: float | None) -> list[float]:
    """Return the best values and those of luck, which share a scale."""
    values = [value for point in points for value in point[2:] if value is not None]
    return values if newest is None or not points else [*values, newest]


def _steps(steps: Sequence[Sequence[Any]], drawn: Sequence[float], current: int, total: int) -> str:
    if not steps or not drawn:
        return ""
    low, high = min(drawn), max(drawn)
    heights = [
        round(HEIGHT * (1 - (value - low) / (high - low)) if high > low else HEIGHT / 2, 1) for _, value in steps
    ]
    across = [round(WIDTH * min(tests, total) / max(total, 1), 1) for tests, _ in steps]
    end = round(WIDTH * current / max(total, 1), 1)
    line = "".join(f"H{x:g}V{y:g}" for x, y in zip(across[1:], heights[1:], strict=True))
    return f"M{across[0]:g} {heights[0]:g}{line}H{max(end, across[-1]):g}"


def curve_words(points: Sequence[Point], unit: str) -> str:
    """Describe the line for screen readers."""
    if not points:
        return ""
    (_, first_tests, first, *_), (seconds, tests, last, *_) = points[0], points[-1]
    if len(points) == 1:
        return f"{metric(last, unit)} since the first results."
    return (
        f"From {metric(first, unit)} after {counted(first_tests, 'test')} to {metric(last, unit)}"
        f" after {counted(tests, 'test')} and {duration(seconds)}."
    )
