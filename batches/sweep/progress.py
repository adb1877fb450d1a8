"""From the row and the clock to the event that every transport carries. Pure: no query, no clock of its own."""

from datetime import datetime
from typing import Any

import orjson

from batches.models import BatchSession, Status

PACE_WINDOW_S = 60.0  # the estimate looks this far back
PACE_STEP_S = 1.0  # and keeps a sample for each of these
RECENT_ERRORS = 5


def active_seconds(session: BatchSession, now: datetime) -> float:
    """Seconds since the start, pauses left out; 0 before it. Never negative, whatever the clock does."""
    if session.started_at is None:
        return 0.0
    until = session.paused_at or session.ended_at or now
    return max(0.0, (until - session.started_at).total_seconds() - session.paused_s)


def elapsed_seconds(session: BatchSession, now: datetime) -> float:
    """Seconds since the request, waiting included, pauses left out."""
    until = session.paused_at or session.ended_at or now
    return max(0.0, (until - session.created_at).total_seconds() - session.paused_s)


def percentage(session: BatchSession) -> float:
    """0 to 100; rounded down, so that 100 means all."""
    if session.current >= session.total:
        return 100.0
    return min(99.9, int(1000 * session.current / session.total) / 10)


def remaining_seconds(session: BatchSession, now: datetime) -> float | None:
    """Work left over the pace of the last minute, both in bars x combinations; None before there is a pace.

    Work carried over from a retried batch took no time here, so it does not count.
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
    """The pace with one more sample: the newest moves until it is a step away from the one before it.

    Samples of the future are left out: they come from a clock that was wrong for a moment.
    """
    past = [sample for sample in pace if sample[0] <= seconds]
    kept = [sample for sample in past if seconds - sample[0] <= PACE_WINDOW_S] or past[-1:]
    if len(kept) > 1 and kept[-1][0] - kept[-2][0] < PACE_STEP_S:
        kept = kept[:-1]
    return [*kept, [seconds, work]]


def average_seconds(session: BatchSession, now: datetime) -> float | None:
    """Wall-clock seconds for each test done in this run, over all workers together; None before the first."""
    done_here = session.current - session.carried_tests
    return active_seconds(session, now) / done_here if done_here > 0 else None


def timeout_words(seconds: float) -> str:
    """`15 minutes`, `90 seconds`."""
    minutes, rest = divmod(int(seconds), 60)
    number, unit = (minutes, "minute") if minutes and not rest else (int(seconds), "second")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def milliseconds(instant: datetime | None) -> int | None:
    """Unix time in milliseconds."""
    return None if instant is None else int(instant.timestamp() * 1000)


def snapshot(session: BatchSession, now: datetime) -> dict[str, Any]:
    """The whole state as a `ProgressEvent` of the type that the state calls for, in its wire form."""
    last = session.last_test or {}
    return {
        "type": event_type(session.state),
        "sessionId": str(session.id),
        "sequence": session.sequence,
        "sentAtMs": milliseconds(now),
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
        "lastWorkerSeenAtMs": milliseconds(session.worker_seen_at),
    }


def event_type(state: Status) -> str:
    """`complete` and `error` end a stream; everything before is `progress`."""
    if not state.is_terminal:
        return "progress"
    return "complete" if state == Status.COMPLETE else "error"


def newest_event(session: BatchSession, now: datetime) -> dict[str, Any]:
    """The newest event of the session: progress, or the terminal one with what it carries."""
    event = snapshot(session, now)
    if event["type"] == "complete":
        event["results"] = session.results
    elif event["type"] == "error":
        event |= {"error": session.error, "code": session.error_code}
    return event


def connected_event(session: BatchSession, now: datetime) -> dict[str, Any]:
    """What a watcher gets first. An ended session keeps one sequence free for it below its terminal event."""
    event = snapshot(session, now) | {"type": "connected"}
    if session.state.is_terminal:
        event["sequence"] -= 1
    return event


def encode(event: dict[str, Any]) -> str:
    """One line of JSON. What is undefined (NaN) becomes null."""
    return orjson.dumps(event).decode()


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
