"""One batch: how it stands, and what may be done with it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, find, unless_known
from batches.api.document import Routes
from batches.api.openapi import operations
from batches.permissions import Right
from batches.running import lifecycle
from batches.sweep.progress import newest_event

router = Routes()


@router.get(
    "/backtest/batch/{session_id}", summary="The newest event, for polling clients", openapi_extra=operations.SNAPSHOT
)
def snapshot(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """The same object that the streams send."""
    session = find(request, session_id)
    return unless_known(request, session, lambda: newest_event(session, timezone.now()))


@router.delete(
    "/backtest/batch/{session_id}", summary="Remove an ended batch and its results", openapi_extra=operations.DELETE
)
def delete(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """409 while it is active."""
    session = find(request, session_id)
    permissions.require(request.user, Right.DELETE_ALL, session)
    lifecycle.delete(session.id)
    return answer({"success": True, "sessionId": str(session.id)})


@router.post(
    "/backtest/batch/{session_id}/cancel", summary="Stop; what is finished stays", openapi_extra=operations.MOVE
)
def cancel(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _moved(request, session_id, lifecycle.cancel)


@router.post(
    "/backtest/batch/{session_id}/pause", summary="Pause; the deadline stands still", openapi_extra=operations.MOVE
)
def pause(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _moved(request, session_id, lifecycle.pause)


@router.post("/backtest/batch/{session_id}/resume", summary="Go on after a pause", openapi_extra=operations.MOVE)
def resume(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _moved(request, session_id, lifecycle.resume)


def _moved(request: HttpRequest, session_id: SessionId, move: Any) -> HttpResponse:
    session = find(request, session_id)
    permissions.require(request.user, Right.STEER_ALL, session)
    changed = move(session.id, timezone.now())
    session.refresh_from_db(fields=["status"])
    return answer({"success": True, "sessionId": str(session.id), "status": session.status, "changed": changed})
