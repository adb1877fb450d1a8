"""Compute the event of a batch, the same on every transport, from its row and the time. No queries, no clock."""

from datetime import datetime
from typing import Literal

from batches.models import BatchSession, Phase, Status
from batches.sweep.encoding import fitted
from batches.sweep.wire_types import ProgressEvent

PACE_WINDOW_S = 60.0  # how far back the estimate looks
PACE_STEP_S = 1.0  # between two samples
RECENT_ERRORS = 5


def active_seconds(session: BatchSession, now: datetime) -> float:
    """Return the seconds since the start without pauses; 0 before it, and also when the clock is set back."""
    if session.started_at is None:
        return 0.0
    until = session.paused_at or session.ended_at or now
    return max(0.0, (until - session.started_at).total_seconds() - session.paused_s)


def elapsed_seconds(session: BatchSession, now: datetime) -> float:
    """Return the seconds since the request: waiting included, pauses left out."""
    until = session.paused_at or session.ended_at or now
    return max(0.0, (until - session.created_at).total_seconds() - session.paused_s)


def percentage(session: BatchSession) -> float:
    """Return the percentage of finished tests; 100 means all. Pages round it down (`rounded_down`)."""
    return 100.0 if session.current >= session.total else 100 * session.current / session.total


def remaining_seconds(session: BatchSession, now: datetime) -> float | None:
    """Return the work left divided by the pace of the last minute; None before a pace is known.

    Work carried over from a retried batch took no time in this one, so the pace leaves it out.
    """
    if session.state.is_terminal:
        return 0.0 if session.status == Status.COMPLETE else None
    samples = session.pace
    if len(samples) < 2:
        return None
    (first_s, first_work), (last_s, last_work) = samples[0], samples[-1]
    if last_s <= first_s or last_work <= first_work:
        return None
    rate: float = (last_work - first_work) / (last_s - first_s)
    since_last = max(0.0, active_seconds(session, now) - last_s)
    return max(0.0, float((session.work_total - last_work) / rate - since_last))


def with_sample(pace: list[list[float]], seconds: float, work: float) -> list[list[float]]:
    """Return the pace with one more sample, which replaces the newest one when that is less than a step old.

    Samples later than this one are dropped: they come from a clock that was ahead for a while.
    """
    past = [sample for sample in pace if sample[0] <= seconds]
    kept = [sample for sample in past if seconds - sample[0] <= PACE_WINDOW_S] or past[-1:]
    if len(kept) > 1 and kept[-1][0] - kept[-2][0] < PACE_STEP_S:
        kept = kept[:-1]
    return [*kept, [seconds, work]]


def average_seconds(session: BatchSession, now: datetime) -> float | None:
    """Return the active seconds per test of this run, over all workers together; None before the first test."""
    done_here = session.current - session.carried_tests
    return active_seconds(session, now) / done_here if done_here > 0 else None


def timeout_words(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    number, unit = (minutes, "minute") if minutes and not rest else (int(seconds), "second")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def snapshot(session: BatchSession, now: datetime) -> ProgressEvent:
    """Return the state of the batch as an event, without what a terminal event adds."""
    last = session.last_test or {}
    event: ProgressEvent = {
        "type": event_type(session.state),
        "sessionId": str(session.id),
        "sequence": session.sequence,
        "sentAtMs": _milliseconds(now),
        "status": session.status,
        "phase": session.phase,
        "current": session.current,
        "total": session.total,
        "percentage": percentage(session),
        "currentSymbol": last.get("symbol"),
        "currentBeta": last.get("beta"),
        "currentCoefficient": last.get("coefficient"),
        "currentParameters": last.get("parameters"),
        "elapsedTime": round(elapsed_seconds(session, now), 3),
        "estimatedTimeRemaining": _rounded(remaining_seconds(session, now), 1),
        "avgTimePerTest": _rounded(average_seconds(session, now), 9),
        "successfulTests": session.successful,
        "failedTests": session.failed,
        "recentErrors": [failure["message"] for failure in session.failures[-RECENT_ERRORS:]],
        "bestSoFar": session.leaders[0] if session.leaders else None,
        "leaders": session.leaders,
        "luck": session.luck,
        "lastWorkerSeenAtMs": None if session.worker_seen_at is None else _milliseconds(session.worker_seen_at),
    }
    if session.loading and (session.status, session.phase) == (Status.RUNNING, Phase.LOADING):
        event["loading"] = session.loading
    return event


def event_type(state: Status) -> Literal["progress", "complete", "error"]:
    """Return `complete` or `error` for a state that ends a stream, else `progress`."""
    if not state.is_terminal:
        return "progress"
    return "complete" if state == Status.COMPLETE else "error"


def newest_event(session: BatchSession, now: datetime) -> ProgressEvent:
    event = snapshot(session, now)
    if event["type"] == "complete":
        event["results"] = fitted(session.results)
    elif event["type"] == "error":
        event["error"], event["code"] = session.error, session.error_code
    return event


def connected_event(session: BatchSession, now: datetime) -> ProgressEvent:
    """Return the first event of a watcher. An ended batch keeps one sequence free for it below its terminal event."""
    event = snapshot(session, now)
    event["type"] = "connected"
    if session.state.is_terminal:
        event["sequence"] -= 1
    return event


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
