"""The equity of several tests over the dates that all of them have, each begun with 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backtester.engine.arrays import Days, Floats
from batches.results.windows import moment_text
from batches.web.charts.lanes import Curve, Lane, lane, time_ticks


@dataclass(frozen=True)
class Overlay:
    """first, last : the common dates; ends : what 1 became, of each curve; axis : (percent, anchor, text)"""

    lane: Lane
    first: str
    last: str
    ends: list[float]
    axis: list[tuple[str, str, str]]


def overlay(tests: Sequence[tuple[Days, Floats]]) -> Overlay | None:
    """Return the curves c1, c2, ... on the bars of the first test; None without two common bars."""
    moments = [dates.astype("datetime64[s]") for dates, _ in tests]
    start, end = max(own[0] for own in moments), min(own[-1] for own in moments)
    axis = moments[0][(moments[0] >= start) & (moments[0] <= end)]
    if len(axis) < 2:
        return None
    shown = [
        equity[np.searchsorted(own, axis, side="right") - 1] for own, (_, equity) in zip(moments, tests, strict=True)
    ]
    curves = [
        Curve(f"c{number}", "", equity / equity[0] if equity[0] > 0 else equity * np.nan)
        for number, equity in enumerate(shown, start=1)
    ]
    if np.isnan(np.concatenate([curve.values for curve in curves])).all():
        return None
    is_within_day = any(dates.dtype != np.dtype("datetime64[D]") for dates, _ in tests)
    dates = axis if is_within_day else axis.astype("datetime64[D]")
    first, last = moment_text(dates[[0, -1]])
    ends = [float(curve.values[-1]) for curve in curves]
    return Overlay(lane("equity", "Equity", curves, log=None), first, last, ends, time_ticks(dates))
