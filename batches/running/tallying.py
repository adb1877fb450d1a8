"""Add finished slices of the grid to a session, in memory: counters, leaders, causes of failure, best so far."""

from dataclasses import dataclass
from datetime import datetime

from backtester.engine import METRIC_NAMES
from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.failures import Cause
from batches.results.ranking import best, better_first
from batches.sweep.plan import Plan
from batches.sweep.progress import active_seconds
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Failure, Row

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
    def failed(self) -> int:
        return sum(last - first for _, ranges in self.failures for first, last in ranges)


def add_slice(session: BatchSession, plan: Plan, finished: FinishedSlice) -> None:
    """Add a slice to the counters, the leaders, the causes of failure, and set the newest test."""
    symbol_number = finished.start // plan.grid.size_per_symbol
    session.successful += finished.stop - finished.start - finished.failed
    session.failed += finished.failed
    session.work_done += float(finished.stop - finished.start) * plan.bars[symbol_number]
    if finished.metrics is not None:
        session.leaders = _leaders(session, plan, finished.start, finished.metrics)
    session.failures = merged_failures(session.failures, plan, finished.failures)
    session.last_test = plan.identity(finished.stop - 1)


def _leaders(session: BatchSession, plan: Plan, start: int, metrics: Floats) -> list[Row]:
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    descending = metric.higher_is_better
    values = metrics[METRIC_NAMES.index(metric.name)]
    top = best(values, LEADERS, descending=descending)
    if len(session.leaders) == LEADERS:  # most slices bring nothing new, and making rows costs more than this look
        last = session.leaders[-1][session.sort_by]
        top = top[values[top] >= last] if descending else top[values[top] <= last]
    rows = plan.rows(start + top, metrics[:, top])
    return better_first([*session.leaders, *rows], session.sort_by, descending=descending)[:LEADERS]


def add_improvement(session: BatchSession, now: datetime) -> bool:
    """Add a point to the curve of the best value so far, if it is a new one. Return whether it is.

    The curve keeps every second point when it has reached IMPROVEMENTS.
    """
    if not session.leaders:
        return False
    value = session.leaders[0][session.sort_by]
    curve = session.improvements
    if value is None or (curve and curve[-1][2] == value):
        return False
    kept = curve if len(curve) < IMPROVEMENTS else curve[::2]
    session.improvements = [*kept, [round(active_seconds(session, now), 3), session.current, value]]
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
