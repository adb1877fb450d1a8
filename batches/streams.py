"""Server-Sent Events: the same watcher over plain HTTP, for EventSource clients."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse

from batches.errors import BatchError, Detail, InvalidRequest, NotFound
from batches.live import Event, follow

RETRY_MS = 1000
HEARTBEAT = ": heartbeat\n\n"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "Content-Encoding": "identity",  # so would a compressing middleware
}


async def batch_stream(request: HttpRequest) -> HttpResponseBase:
    """`GET /api/backtest/batch/stream?sessionId=`."""
    if request.method not in {"GET", "HEAD"}:
        return _refusal(BatchError("The stream is read with GET.", code="METHOD_NOT_ALLOWED", status=405))
    try:
        session_id = _session_id(request)
        events = follow(session_id, after=last_event_id(request))
        first = await anext(events, None)
    except BatchError as error:
        return _refusal(error)
    if first is None:  # the client has seen the terminal event: 204 ends an EventSource's retries
        return HttpResponse(status=204)
    return StreamingHttpResponse(_frames(first, events), content_type="text/event-stream", headers=HEADERS)


def frame(event: Event) -> str:
    """One event as EventSource reads it. The text is one line of JSON."""
    return f"id: {event.sequence}\nevent: {event.kind}\ndata: {event.text}\n\n"


async def _frames(first: Event, events: AsyncGenerator[Event | None, None]) -> AsyncIterator[str]:
    async with contextlib.aclosing(events):
        yield f"retry: {RETRY_MS}\n\n{frame(first)}"
        async for event in events:
            yield HEARTBEAT if event is None else frame(event)


def _session_id(request: HttpRequest) -> uuid.UUID:
    given = request.GET.get("sessionId", "")
    if not given:
        raise InvalidRequest(Detail("sessionId", "sessionId is missing; the id that the start answered is wanted."))
    try:
        return uuid.UUID(given)
    except ValueError:
        raise NotFound from None


def last_event_id(request: HttpRequest) -> int:
    """The newest sequence that a returning EventSource has seen; what cannot be read counts as none."""
    given = request.headers.get("Last-Event-ID", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def _refusal(error: BatchError) -> JsonResponse:
    return JsonResponse(error.as_json(), status=error.status)
