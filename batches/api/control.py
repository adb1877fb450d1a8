"""One batch: how it stands, and what may be done with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router

from batches import lifecycle, retrying
from batches.api.answers import answer, find
from batches.api.starting import started
from batches.progress import newest_event

router = Router()


@router.get("/backtest/batch/{session_id}", summary="The newest event, for polling clients")
def snapshot(request: HttpRequest, session_id: str) -> HttpResponse:
    """The same object that the streams send."""
    return answer(newest_event(find(session_id), timezone.now()))


@router.delete("/backtest/batch/{session_id}", summary="Remove an ended batch and its results")
def delete(request: HttpRequest, session_id: str) -> HttpResponse:
    """409 while it is active."""
    session = find(session_id)
    lifecycle.delete(session.id)
    return answer({"success": True, "sessionId": str(session.id)})


@router.post("/backtest/batch/{session_id}/cancel", summary="Stop; what is finished stays")
def cancel(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.cancel)


@router.post("/backtest/batch/{session_id}/pause", summary="Pause; the deadline stands still")
def pause(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.pause)


@router.post("/backtest/batch/{session_id}/resume", summary="Go on after a pause")
def resume(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.resume)


@router.post("/backtest/batch/{session_id}/retry", summary="Run the failed and the missing tests again")
def retry(request: HttpRequest, session_id: str) -> HttpResponse:
    """Answers like a start, with the new session."""
    return started(retrying.retry(find(session_id), now=timezone.now()))


def _moved(session_id: str, move: Any) -> HttpResponse:
    session = find(session_id)
    changed = move(session.id, timezone.now())
    session.refresh_from_db(fields=["status"])
    return answer({"success": True, "sessionId": str(session.id), "status": session.status, "changed": changed})
