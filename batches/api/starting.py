"""Start a batch, retry one, estimate one."""

from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, query_parameters, visible_batch
from batches.api.document import APPLIED, START_REFUSALS, WRITING, Routes, answers, header, parameters
from batches.api.schemas.batches import ClassicAnswer, Estimate, Started
from batches.api.schemas.start import START_BODY, StartQuery
from batches.api.start_response import start_response, wait_preference
from batches.api.strict_json import json_body
from batches.models import BatchSession
from batches.permissions import Permission
from batches.running import estimating, retrying, submission
from batches.sweep.notes import request_notes
from batches.sweep.start_request import parse_start
from batches.verdict import holdouts

router = Routes()
PREFER = header(
    "Prefer",
    "RFC 7240. wait=n: answer with the results if they are done within n seconds. `async` takes precedence.",
    example="wait=5",
)
STARTS = answers({200: ClassicAnswer, 202: Started}, *START_REFUSALS)
START_EXTRA: dict[str, Any] = {
    "parameters": parameters(StartQuery, headers=[PREFER]),
    "responses": {200: {"headers": APPLIED}},
}


def with_notes(session: BatchSession) -> tuple[BatchSession, list[str]]:
    """Return a batch and what its user should know about it."""
    return session, request_notes(session.request) + holdouts.batch_notes(session)


@router.post(
    "/backtest/batch",
    summary="Start a batch",
    response=STARTS,
    openapi_extra=START_EXTRA | {"requestBody": START_BODY},
)
async def start(request: HttpRequest) -> HttpResponse:
    """202 at once; with `?async=false`, or `Prefer: wait=n` and done within n seconds, 200 with the results."""
    wait = wait_preference(request)

    def submit() -> tuple[BatchSession, list[str]]:
        permissions.require(request.user, Permission.RUN)
        start_request = parse_start(json_body(request))
        return with_notes(submission.submit(start_request, now=timezone.now(), owner=permissions.owner(request.user)))

    # Not thread-sensitive: all sync views of a process share that one thread.
    session, notes = await database_sync_to_async(submit, thread_sensitive=False)()
    return await start_response(request, session, wait, notes)


@router.post(
    "/backtest/batch/{session_id}/retry",
    summary="Run the failed and the missing tests again",
    response=answers({200: ClassicAnswer, 202: Started}, *START_REFUSALS, 410),
    openapi_extra=START_EXTRA,
)
async def retry(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Answers like a start, with the new batch."""
    wait = wait_preference(request)

    def submit() -> tuple[BatchSession, list[str]]:
        ended = visible_batch(request, session_id)
        permissions.require(request.user, Permission.RUN)
        return with_notes(retrying.retry(ended, now=timezone.now(), owner=permissions.owner(request.user)))

    session, notes = await database_sync_to_async(submit, thread_sensitive=False)()
    return await start_response(request, session, wait, notes)


@router.post(
    "/backtest/batch/estimate",
    summary="Count and estimate; store nothing",
    response=answers({200: Estimate}, *WRITING, 409, 413, 415, 422),
    openapi_extra={"requestBody": START_BODY},
)
def estimate(request: HttpRequest) -> HttpResponse:
    """The exact count after constraints, and an estimate of time and storage."""
    query_parameters(request)
    cost = estimating.estimate(parse_start(json_body(request)), permissions.owner(request.user))
    body = Estimate(
        success=True,
        total=cost.total,
        excluded=cost.excluded,
        estimatedSeconds=cost.seconds,
        estimateIsMeasured=cost.is_measured,
        estimatedBytes=cost.bytes,
        luck=cost.luck,
    )
    if cost.notes:
        body["notes"] = cost.notes
    return answer(body)
