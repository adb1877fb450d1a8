"""Answer a start at once or with the results: `?async=` of the contract, and the `Prefer` header (RFC 7240)."""

import asyncio
import contextlib
import math
import re
from dataclasses import dataclass

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from backtester.accounts.credentials import request_credential
from batches.addresses import stream_address, websocket_address
from batches.api.answers import answer, query_parameters
from batches.api.schemas.batches import ClassicAnswer, Started
from batches.api.schemas.start import StartQuery
from batches.errors import BatchError, Detail, InvalidRequest
from batches.live.follow import follow
from batches.models import BatchSession
from batches.sweep.wire_types import ProgressEvent

CLASSIC_FAILURES = {"TIMEOUT": 504, "CANCELLED": 409}
WAIT = re.compile(r"""wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?""", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class WaitPreference:
    """Seconds that the client waits for the results; applied : the value of Preference-Applied."""

    seconds: float
    applied: str = ""


def wait_preference(request: HttpRequest) -> WaitPreference:
    """Read `?async=`, or else the `Prefer` header, whose unknown preferences are ignored as RFC 7240 asks."""
    choice = query_parameters(request, StartQuery.__annotations__).get("async")
    if choice is not None:
        if choice.lower() not in {"true", "false"}:
            raise InvalidRequest(Detail("async", f"async must be true or false, got {choice[:40]!r}."))
        return WaitPreference(math.inf if choice.lower() == "false" else 0)
    preferences = [part.strip() for part in request.headers.get("Prefer", "").split(",")]
    seconds = next((int(match[1]) for part in preferences if (match := WAIT.fullmatch(part))), 0)
    applied = ["respond-async"] if "respond-async" in map(str.lower, preferences) else []
    return WaitPreference(seconds, ", ".join([*applied, *([f"wait={seconds}"] if seconds else [])]))


async def start_response(
    request: HttpRequest, session: BatchSession, wait: WaitPreference, notes: list[str]
) -> HttpResponse:
    """Return 200 with the results if they are done in time, else 202. notes : left out when there are none"""
    ending = await _terminal_event(request, session, wait.seconds) if wait.seconds else None
    response = _started(session, notes) if ending is None else _classic_answer(session, ending, notes)
    if wait.applied:
        response["Preference-Applied"] = wait.applied
    return response


async def _terminal_event(request: HttpRequest, session: BatchSession, seconds: float) -> ProgressEvent | None:
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(None if seconds == math.inf else seconds),
            contextlib.aclosing(follow(session.id, request_credential(request))) as events,
        ):
            async for event in events:
                if event is not None and event.is_terminal:
                    terminal: ProgressEvent = orjson.loads(event.text)
                    # An event is limited in size, this answer is not.
                    whole = await BatchSession.objects.filter(pk=session.pk).values_list("results", flat=True).afirst()
                    return terminal | {"results": whole} if whole else terminal
    return None


def _classic_answer(session: BatchSession, event: ProgressEvent, notes: list[str]) -> HttpResponse:
    if event["type"] == "error":
        code, message = str(event["code"]), str(event["error"])
        raise BatchError(message, code=code, status=CLASSIC_FAILURES.get(code, 500))
    results = event["results"]
    assert results is not None
    milliseconds = round(event["elapsedTime"] * 1000)
    body = ClassicAnswer(success=True, sessionId=str(session.id), executionTimeMs=milliseconds, data=results)
    if notes:
        body["notes"] = notes
    return answer(body)


def _started(session: BatchSession, notes: list[str]) -> HttpResponse:
    stream = stream_address(session.id)
    started = Started(
        success=True,
        sessionId=str(session.id),
        message=f"Batch processing started. Connect to {stream}",
        total=session.total,
        streamUrl=stream,
        websocketUrl=websocket_address(session.id),
        pageUrl=reverse("batches:detail", args=[session.id]),
    )
    if notes:
        started["notes"] = notes
    if session.retry_of_id:
        started["retryOf"] = str(session.retry_of_id)
    location = reverse("api:snapshot", args=[session.id])
    return answer(started, 202, headers={"Location": location, "Retry-After": "1"})
