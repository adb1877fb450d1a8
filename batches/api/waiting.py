"""Whether a start answers at once or with the results: `?async=` of the contract, and `Prefer` (RFC 7240)."""

import asyncio
import contextlib
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backtester.accounts.credentials import request_credential
from batches.api.answers import answer, asked
from batches.errors import BatchError, Detail, InvalidRequest
from batches.live.follow import follow
from batches.models import BatchSession

CLASSIC_FAILURES = {"TIMEOUT": 504, "CANCELLED": 409}
WAIT = re.compile(r"""wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?""", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Patience:
    """How long the caller waits for the results, in seconds; applied : the preferences that this follows."""

    seconds: float
    applied: str = ""


def patience(request: HttpRequest) -> Patience:
    """`?async=` decides where it is given. What is not understood in a `Prefer` header is ignored, as it should be."""
    if (wanted := asked(request, "async").get("async")) is not None:
        if wanted.lower() not in {"true", "false"}:
            raise InvalidRequest(Detail("async", f"async is {wanted[:40]!r}; true or false is wanted."))
        return Patience(math.inf if wanted.lower() == "false" else 0)
    preferences = [part.strip() for part in request.headers.get("Prefer", "").split(",")]
    seconds = next((int(found[1]) for part in preferences if (found := WAIT.fullmatch(part))), 0)
    applied = ["respond-async"] if "respond-async" in map(str.lower, preferences) else []
    return Patience(seconds, ", ".join([*applied, *([f"wait={seconds}"] if seconds else [])]))


async def answer_to_start(request: HttpRequest, session: BatchSession, wait: Patience) -> HttpResponse:
    """200 with the results if they are done in time, else 202."""
    last = await _ending(request, session, wait.seconds) if wait.seconds else None
    response = started(session) if last is None else _classic_answer(session, last)
    if wait.applied:
        response["Preference-Applied"] = wait.applied
    return response


async def _ending(request: HttpRequest, session: BatchSession, seconds: float) -> dict[str, Any] | None:
    """The terminal event, if it comes in time."""
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(None if seconds == math.inf else seconds),
            contextlib.aclosing(follow(session.id, request_credential(request))) as events,
        ):
            async for event in events:
                if event is not None and event.is_terminal:
                    ending: dict[str, Any] = orjson.loads(event.text)
                    return ending
    return None


def _classic_answer(session: BatchSession, last: dict[str, Any]) -> HttpResponse:
    if last["type"] == "error":
        status = CLASSIC_FAILURES.get(last["code"], 500)
        raise BatchError(last["error"], code=last["code"], status=status)
    milliseconds = round(last["elapsedTime"] * 1000)
    return answer(
        {"success": True, "sessionId": str(session.id), "executionTimeMs": milliseconds, "data": last["results"]}
    )


def started(session: BatchSession) -> HttpResponse:
    """The answer to a start, with the addresses to watch."""
    stream = f"/api/backtest/batch/stream?sessionId={session.id}"
    retried = {"retryOf": str(session.retry_of_id)} if session.retry_of_id else {}
    response = answer(
        retried
        | {
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
