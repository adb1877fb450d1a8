"""Is the best of a batch luck? The verdict, its other options, and the ledger."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, query_parameters, visible_batch
from batches.api.document import WRITING, Routes, answers, parameters
from batches.api.schemas.verdict import VERDICT_BODY, Ledger, LedgerQuery, Verdict
from batches.api.strict_json import json_body
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.permissions import Permission
from batches.running.queue import wake_workers
from batches.symbols import normalized
from batches.verdict import jobs, ledger
from batches.verdict.answers import verdict_answer
from batches.verdict.options import Options

router = Routes()
VERDICT = "/backtest/batch/{session_id}/verdict"


@router.get(VERDICT, summary="Is the best of a batch luck?", response=answers({200: Verdict}))
def verdict(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """It follows the end of a batch; until it is ready, only its status."""
    return _answer(visible_batch(request, session_id))


@router.post(
    VERDICT,
    summary="Compute the verdict with these options",
    response=answers({200: Verdict, 202: Verdict}, *WRITING, 409, 410, 413, 415, 422),
    openapi_extra={"requestBody": VERDICT_BODY},
)
def compute_verdict(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """202 when it is queued; 200 when it is ready with the same options; 409 while another one is computed."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    options = Options.parse(json_body(request) if request.body else {})
    row = jobs.request(session, options, timezone.now())
    is_ready = row.status == "ready"
    if not is_ready:
        wake_workers(1)
    return _answer(session, 200) if is_ready else _answer(session, 202, Location=request.path)


@router.delete(VERDICT, summary="Stop computing the verdict", response=answers({200: Verdict}, *WRITING))
def cancel_verdict(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Idempotent; a verdict that is ready stays."""
    session = visible_batch(request, session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    jobs.cancel(session)
    return _answer(session)


def _answer(session: BatchSession, status: int = 200, **headers: str) -> HttpResponse:
    body: dict[str, Any] = {"success": True, "sessionId": str(session.id), **verdict_answer(session)}
    return answer(body, status, {"Cache-Control": "no-store", **headers})


@router.get(
    "/ledger",
    summary="What was tried on an instrument",
    response=answers({200: Ledger}, 422),
    openapi_extra={"parameters": parameters(LedgerQuery)},
)
def tried(request: HttpRequest) -> HttpResponse:
    """Every finished test counts, also of deleted batches. An instrument without any has zeros."""
    symbol = normalized(query_parameters(request, LedgerQuery.__annotations__).get("symbol", ""))
    if not symbol:
        raise InvalidRequest(Detail("symbol", "symbol is missing: name an instrument, as in ?symbol=AAPL."))
    held = ledger.of_symbol(symbol, permissions.owner(request.user))
    return answer(cast(Ledger, {"success": True, **held}))
