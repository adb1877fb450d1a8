"""Add finished slices of the grid to a session, in memory: counters, leaders, causes of failure, best so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from backtester.engine import METRIC_NAMES
from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.failures import Cause
from batches.results.ranking import best, better_first, that_traded
from batches.sweep.plan import Plan
from batches.sweep.progress import active_seconds
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Failure, Row
from batches.verdict.luck import add_sharpes, set_luck

LEADERS = 10
IMPROVEMENTS = 200
CAUSES = 50  # distinct causes of failure that a batch remembers; the others are counted together
OTHER_CAUSES = "Other reasons; see the error column of the export."


@dataclass(frozen=True)
class FinishedSlice:
    """The combinations from `start` to `stop`.

    metrics : float64[n_metrics, stop - start]; None if no test of a lost chunk has a result
    """

    start: int
    stop: int
    metrics: Floats | None
    failures: list[Cause]

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def failed(self) -> int:
        return sum(last - first for _, ranges in self.failures for first, last in ranges)


def add_slices(session: BatchSession, plan: Plan, slices: Sequence[FinishedSlice]) -> None:
    """Add slices to the counters, the leaders, the causes of failure, and set the newest test."""
    for finished in slices:
        series_number = plan.grid.series_of(finished.start)
        session.successful += finished.size - finished.failed
        session.failed += finished.failed
        session.work_done += float(finished.size) * plan.bars[series_number]
        session.failures = merged_failures(session.failures, plan, finished.failures)
    session.leaders = _leaders(session, plan, slices)
    add_sharpes(session, (part.metrics for part in slices if part.metrics is not None))
    _set_luck(session, plan)
    session.last_test = plan.identity(slices[-1].stop - 1)


def _set_luck(session: BatchSession, plan: Plan) -> None:
    number = plan.grid.series_of(session.leaders[0]["index"]) if session.leaders else 0
    set_luck(session, plan.bars[number], plan.prices(number).periods_per_year)


def _leaders(session: BatchSession, plan: Plan, slices: Sequence[FinishedSlice]) -> list[Row]:
    leaders: list[Row] = session.leaders
    parts = [(np.arange(part.start, part.stop), part.metrics) for part in slices if part.metrics is not None]
    if not parts:
        return leaders
    index, metrics = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts], axis=1)
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    descending = metric.higher_is_better
    values = that_traded(metrics[METRIC_NAMES.index(metric.name)], metrics[METRIC_NAMES.index("exposure")])
    top = best(values, LEADERS, descending=descending)
    if len(leaders) == LEADERS:  # most slices bring nothing new, and making rows costs more than this check
        last = leaders[-1][session.sort_by]  # type: ignore[literal-required]
        top = top[values[top] >= last] if descending else top[values[top] <= last]
    rows = plan.rows(index[top], metrics[:, top])
    return better_first([*leaders, *rows], session.sort_by, descending=descending)[:LEADERS]


def add_improvement(session: BatchSession, now: datetime) -> bool:
    """Add a point to the curve of the best value so far, if it is a new one. Return whether it is.

    The curve keeps every second point when it has reached IMPROVEMENTS.
    """
    if not session.leaders:
        return False
    value = session.leaders[0][session.sort_by]
    luck = session.luck["sharpe"] if session.luck and session.sort_by == "sharpe" else None
    curve = session.improvements
    if value is None or (curve and curve[-1][2] == value):
        return False
    kept = curve if len(curve) < IMPROVEMENTS else curve[::2]
    session.improvements = [*kept, [round(active_seconds(session, now), 3), session.current, value, luck]]
    return True


def merged_failures(failures: list[Failure], plan: Plan, causes: list[Cause]) -> list[Failure]:
    """Return the failures with more causes counted in, each with an example, the latest last."""
    merged = {failure["message"]: failure for failure in failures}
    for message, ranges in causes:
        name = message if message in merged or len(merged) < CAUSES else OTHER_CAUSES
        failure = merged.pop(name, None) or Failure(message=name, count=0, example=plan.identity(ranges[0][0]))
        count = failure["count"] + sum(last - first for first, last in ranges)
        merged[name] = {**failure, "count": count}
    return list(merged.values())
