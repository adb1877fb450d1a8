"""Starting a batch, again or anew, and what it would cost."""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from batches import permissions
from batches.api.answers import SessionId, answer, asked, find
from batches.api.document import Routes
from batches.api.openapi import operations
from batches.api.strict_json import json_body
from batches.api.waiting import answer_to_start, patience
from batches.models import BatchSession
from batches.permissions import Right
from batches.running import retrying, submission
from batches.sweep.start_request import parse_start

router = Routes()


@router.post("/backtest/batch", summary="Start a batch", openapi_extra=operations.START)
async def start(request: HttpRequest) -> HttpResponse:
    """202 at once; with `?async=false`, or `Prefer: wait=n` and done within n seconds, 200 with the results."""
    wait = patience(request)

    def submit() -> BatchSession:
        permissions.require(request.user, Right.RUN)
        wanted = parse_start(json_body(request))
        return submission.submit(wanted, now=timezone.now(), owner=permissions.owner(request.user))

    return await answer_to_start(request, await _in_thread(submit), wait)


@router.post(
    "/backtest/batch/{session_id}/retry",
    summary="Run the failed and the missing tests again",
    openapi_extra=operations.RETRY,
)
async def retry(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Answers like a start, with the new session."""
    wait = patience(request)

    def submit() -> BatchSession:
        ended = find(request, session_id)
        permissions.require(request.user, Right.RUN)
        return retrying.retry(ended, now=timezone.now(), owner=permissions.owner(request.user))

    return await answer_to_start(request, await _in_thread(submit), wait)


async def _in_thread(start_it: Callable[[], BatchSession]) -> BatchSession:
    """In a thread of its own: others wait for the request's."""

    def with_connection() -> BatchSession:
        try:
            return start_it()
        finally:
            close_old_connections()  # this thread is not the request's own, whose connection Django looks after

    return await sync_to_async(with_connection, thread_sensitive=False)()


@router.post("/backtest/batch/estimate", summary="Count and estimate; store nothing", openapi_extra=operations.ESTIMATE)
def estimate(request: HttpRequest) -> HttpResponse:
    """The exact count after constraints, and what it would cost."""
    asked(request)
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
