"""The verdict of a batch in the form of the wire, whatever its status."""

from typing import Any

from batches.models import BatchSession
from batches.verdict import jobs
from batches.verdict.options import DEFAULTS, Options
from batches.verdict_models import Verdict, VerdictStatus

PARTS = (
    "state", "sentence", "trials", "best", "luck", "holding", "shuffle", "pbo", "walkForward", "stability", "plateau",
    "minBacktestYears", "triesAllowed",
)  # fmt: skip
ACTIVE, NOT_REQUESTED = "batch_active", "not_requested"


def verdict_answer(session: BatchSession) -> dict[str, Any]:
    row = Verdict.objects.filter(session=session).defer("work", "columns").first()
    if row is None:
        return _pending(session)
    answer = row.answer or {}
    options = Options.from_json(row.options)
    reasons = answer.get("reasons") or ({"verdict": row.reason} if row.reason else {})
    return {
        "status": row.status,
        "progress": row.progress or None,
        "estimatedSeconds": _seconds(session, options),
        "options": row.options,
        **{name: answer.get(name) for name in PARTS},
        "reasons": reasons,
    }


def _pending(session: BatchSession) -> dict[str, Any]:
    """Return the answer of a batch without a verdict: an active one, or one of an older version."""
    is_over = session.state.is_terminal
    reason = (jobs.NOTHING if not session.successful else NOT_REQUESTED) if is_over else ACTIVE
    return {
        "status": VerdictStatus.UNAVAILABLE if is_over else VerdictStatus.WAITING,
        "progress": None,
        "estimatedSeconds": _seconds(session, DEFAULTS),
        "options": None,
        **dict.fromkeys(PARTS),
        "reasons": {"verdict": reason},
    }


def _seconds(session: BatchSession, options: Options) -> float | None:
    return round(jobs.seconds(session, options), 1) if session.state.is_terminal else None
