"""The state of one batch, and the routes that change it."""

import uuid
from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, unless_unchanged, visible_batch
from batches.api.document import WRITING, Routes, answers
from batches.api.renaming import changes_of
from batches.api.schemas.batches import Deleted, Moved
from batches.api.schemas.history import RENAME_BODY, Renamed
from batches.api.strict_json import json_body
from batches.naming import rename
from batches.permissions import Permission
from batches.running import lifecycle
from batches.sweep.progress import newest_event
from batches.sweep.titles import title_of
from batches.sweep.wire_types import ProgressEvent

router = Routes()
BATCH = "/backtest/batch/{session_id}"
MOVED = answers({200: Moved}, *WRITING)


@router.get(BATCH, summary="The newest event, for polling clients", response=answers({200: ProgressEvent, 304: None}))
def snapshot(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """The same object that the streams send."""
    session = visible_batch(request, session_id)
    return unless_unchanged(request, session, lambda: newest_event(session, timezone.now()))


@router.patch(
    BATCH,
    summary="Change the title and the tags",
    response=answers({200: Renamed}, *WRITING, 413, 415, 422),
    openapi_extra={"requestBody": RENAME_BODY},
)
def update(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """What is left out stays. An empty or null title restores the default; the tags are replaced."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    changes = changes_of(json_body(request))
    rename(session, **changes)
    return answer(Renamed(success=True, sessionId=str(session.id), title=title_of(session), tags=session.tag_names))


@router.delete(BATCH, summary="Remove an ended batch and its results", response=answers({200: Deleted}, *WRITING, 409))
def delete(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """409 while it is active."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.DELETE_ALL, session)
    lifecycle.delete(session.id)
    return answer(Deleted(success=True, sessionId=str(session.id)))


@router.post(f"{BATCH}/cancel", summary="Stop; finished tests are kept", response=MOVED)
def cancel(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _move(request, session_id, lifecycle.cancel)


@router.post(f"{BATCH}/pause", summary="Pause; the deadline is paused too", response=MOVED)
def pause(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _move(request, session_id, lifecycle.pause)


@router.post(f"{BATCH}/resume", summary="Resume after a pause", response=MOVED)
def resume(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent."""
    return _move(request, session_id, lifecycle.resume)


def _move(request: HttpRequest, session_id: str, move: Callable[[uuid.UUID, datetime], bool]) -> HttpResponse:
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    changed = move(session.id, timezone.now())
    session.refresh_from_db(fields=["status"])
    return answer(Moved(success=True, sessionId=str(session.id), status=session.status, changed=changed))
