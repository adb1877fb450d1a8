"""Starting a batch, and what it would cost."""

from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import Router

from batches import submission
from batches.api.answers import answer
from batches.bodies import json_body
from batches.errors import BatchError, Detail, InvalidRequest
from batches.live import follow
from batches.models import BatchSession
from batches.openapi import START_BODY
from batches.schemas import parse_start

router = Router()
CLASSIC_FAILURES = {"TIMEOUT": 504, "CANCELLED": 409}


@router.post("/backtest/batch", summary="Start a batch", openapi_extra=START_BODY)
async def start(request: HttpRequest) -> HttpResponse:
    """202 at once; with `?async=false` 200 with the results when they are done."""
    wait = _is_classic(request)
    session = await sync_to_async(_submit, thread_sensitive=False)(request)
    return await _classic_answer(session) if wait else started(session)


def _submit(request: HttpRequest) -> BatchSession:
    try:
        return submission.submit(parse_start(json_body(request)), now=timezone.now())
    finally:
        close_old_connections()  # this thread is not the request's own, whose connection Django looks after


def _is_classic(request: HttpRequest) -> bool:
    given = request.GET.get("async", "true").lower()
    if given not in {"true", "false"}:
        raise InvalidRequest(Detail("async", f"async is {given[:40]!r}; true or false is wanted."))
    return given == "false"


def started(session: BatchSession) -> HttpResponse:
    """The answer to a start, with the addresses to watch."""
    stream = f"/api/backtest/batch/stream?sessionId={session.id}"
    response = answer(
        {
            "success": True,
            "sessionId": str(session.id),
            "message": f"Batch processing started. Connect to {stream}",
            "total": session.total,
            "streamUrl": stream,
            "websocketUrl": f"/ws/backtest/batch/{session.id}/",
            "pageUrl": reverse("batches:detail", args=[session.id]),
        },
        202,
    )
    response["Location"] = f"/api/backtest/batch/{session.id}"
    response["Retry-After"] = "1"
    return response


async def _classic_answer(session: BatchSession) -> HttpResponse:
    """Wait for the terminal event, as the old clients do."""
    last: dict[str, Any] = {}
    async for event in follow(session.id):
        if event is not None and event.is_terminal:
            last = orjson.loads(event.text)
    if last["type"] == "error":
        status = CLASSIC_FAILURES.get(last["code"], 500)
        raise BatchError(last["error"], code=last["code"], status=status)
    milliseconds = round(last["elapsedTime"] * 1000)
    return answer(
        {"success": True, "sessionId": str(session.id), "executionTimeMs": milliseconds, "data": last["results"]}
    )


@router.post("/backtest/batch/estimate", summary="Count and estimate; store nothing", openapi_extra=START_BODY)
def estimate(request: HttpRequest) -> HttpResponse:
    """The exact count after constraints, and what it would cost."""
    found = submission.estimate(parse_start(json_body(request)))
    return answer(
        {
            "success": True,
            "total": found.total,
            "excluded": found.excluded,
            "estimatedSeconds": found.seconds,
            "estimatedBytes": found.bytes,
        }
    )
