"""The locked tail of a batch: what is locked, and the one row that it is spent on."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, visible_batch
from batches.api.document import WRITING, Routes, answers
from batches.api.schemas.holdout import HOLDOUT_BODY, HoldoutState, Spent
from batches.api.strict_json import json_body
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.permissions import Permission
from batches.validators import nearest, shown
from batches.verdict import spending

router = Routes()
HOLDOUT = "/backtest/batch/{session_id}/holdout"


@router.get(HOLDOUT, summary="What is locked, and what it was spent on", response=answers({200: HoldoutState}))
def holdout(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """`none` for a batch without locked days."""
    session = visible_batch(request, session_id)
    return _answer(session, spending.state_of(session))


@router.post(
    HOLDOUT,
    summary="Evaluate one row on the locked days, once",
    response=answers({200: Spent}, *WRITING, 409, 410, 413, 415, 422),
    openapi_extra={"requestBody": HOLDOUT_BODY},
)
def spend_holdout(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """The second time 409 (HOLDOUT_SPENT). A retry, and the same request sent again, share the locked days."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    index = _index(json_body(request))
    spent = spending.spend(session, index, timezone.now())
    return _answer(session, {"notes": spending.state_of(session)["notes"], **spent})


@router.delete(HOLDOUT, summary="Give the lock up", response=answers({200: HoldoutState}, *WRITING, 409))
def give_up_holdout(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """The locked days are spent on no row: other sweeps may use them, and no row is ever evaluated on them."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    spending.give_up(session, timezone.now())
    return _answer(session, spending.state_of(visible_batch(request, session_id)))


def _index(body: Any) -> int:
    if not isinstance(body, dict):
        raise InvalidRequest(Detail("", f"The body must be a JSON object, got {shown(body)}."))
    if unknown := [name for name in body if name != "index"]:
        raise InvalidRequest(
            *(Detail(n[:60], f"Unknown field {shown(n)}.{nearest(n, ['index'])}") for n in unknown[:20])
        )
    if body.get("index") is None:
        raise InvalidRequest(Detail("index", 'index is missing: name a row of the results, as in {"index": 0}.'))
    index = body["index"]
    if isinstance(index, bool) or not isinstance(index, int | float) or index != index // 1 or index < 0:
        raise InvalidRequest(Detail("index", f"index must be an integer from 0, got {shown(index)}."))
    return int(index)


def _answer(session: BatchSession, body: dict[str, Any]) -> HttpResponse:
    return answer({"success": True, "sessionId": str(session.id), **body}, 200, {"Cache-Control": "no-store"})
