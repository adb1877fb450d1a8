"""Server-Sent Events: the events of one batch over plain HTTP, for EventSource clients."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from backtester.accounts.credentials import request_credential
from batches.errors import BatchError, Detail, InvalidRequest, NotFound
from batches.live.asgi_types import Application, Message, Receive, Scope, Send
from batches.live.follow import follow
from batches.live.hub import current_hub
from batches.live.subscriptions import Event
from batches.ops.counters import open_streams
from batches.sweep.encoding import encode

RETRY_MS = (300, 1500)  # each client draws its own, so that they do not reconnect together
LIFE_SPREAD = 0.2
HEARTBEAT = b": heartbeat\n\n"
PADDING = b":" + b" " * 2048 + b"\n"  # some old proxies and browsers hold back the first 2 kB
CONTENT_TYPE = "text/event-stream"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would buffer events
    "Content-Encoding": "identity",  # so would a compressing middleware
}
PATH = "/api/backtest/batch/stream"
OPENED_STREAMS = "batches.live.streams.opened"  # key of the scope
Frames = AsyncGenerator[bytes, None]


@csrf_exempt  # it changes nothing, and a POST should be answered with 405
async def batch_stream(request: HttpRequest) -> HttpResponseBase:
    """`GET /api/backtest/batch/stream?sessionId=`."""
    if request.method not in {"GET", "HEAD"}:
        error = BatchError("Method not allowed; use GET.", code="METHOD_NOT_ALLOWED", status=405)
        error.headers["Allow"] = "GET, HEAD"
        return _error_response(error)
    try:
        life_s = settings.STREAM_LIFE_S * random.uniform(1 - LIFE_SPREAD, 1 + LIFE_SPREAD)
        events = follow(_session_id(request), request_credential(request), after=_last_event_id(request), life_s=life_s)
        first = await anext(events, None)
    except BatchError as error:
        return _error_response(error)
    if first is None:  # the client has seen the terminal event; 204 ends the retries of an EventSource
        return HttpResponse(status=204)
    if request.method == "HEAD":
        await events.aclose()
        return HttpResponse(content_type=CONTENT_TYPE, headers=HEADERS)
    frames = _frames(first, events)
    if (opened := getattr(request, "scope", {}).get(OPENED_STREAMS)) is not None:
        opened.append(frames)
        return HttpResponse(content_type=CONTENT_TYPE, headers=HEADERS)
    return StreamingHttpResponse(frames, content_type=CONTENT_TYPE, headers=HEADERS)


class LeanStreams:
    """ASGI middleware that lets Django open an event stream, and then writes the events without Django.

    A StreamingHttpResponse keeps the request, its tasks and its context in memory for as long as the client watches,
    which doubles the cost of a watcher. For the same reason only a few streams open together: what Django needs to
    open one would be held for all of a crowd, and the process would keep that memory.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub = current_hub()  # from the first request on: it also collects garbage
        if not scope["path"].endswith(PATH):
            await self.application(scope, receive, send)
            return
        async with hub.opening_streams:
            frames = await self._open(scope, receive, send)
        if frames is not None:
            async with contextlib.aclosing(frames):
                await _write(frames, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> Frames | None:
        """Let Django answer. Return the frames if it has opened a stream and the client is still connected."""
        opened: list[Frames] = []
        disconnected = False

        async def watched_receive() -> Message:
            nonlocal disconnected
            message = await receive()
            disconnected = disconnected or message["type"] == "http.disconnect"
            return message

        async def send_headers(message: Message) -> None:
            if not opened:
                await send(message)
            elif message["type"] == "http.response.start":  # the view's body is empty; ours follows
                headers = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
                await send({**message, "headers": headers})

        try:
            await self.application(scope | {OPENED_STREAMS: opened}, watched_receive, send_headers)
        except BaseException:
            disconnected = True
            raise
        finally:
            if disconnected:
                for frames in opened:
                    await frames.aclose()
        return opened[0] if opened and not disconnected else None


async def _write(frames: Frames, receive: Receive, send: Send) -> None:
    """Send the frames until they end or the client disconnects."""

    async def write() -> None:
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    writing = asyncio.create_task(write())
    try:
        while (await receive())["type"] != "http.disconnect":
            pass  # servers send it also after a complete response
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


async def _frames(first: Event, events: AsyncGenerator[Event | None, None]) -> Frames:
    open_streams["sse"] += 1
    try:
        async with contextlib.aclosing(events):
            yield PADDING + f"retry: {random.randint(*RETRY_MS)}\n\n".encode() + first.frame
            del first  # it would stay in memory for as long as the stream is open
            async for event in events:
                yield HEARTBEAT if event is None else event.frame
    except BatchError as error:  # the batch or the permission is gone; a client that reconnects gets 404 or 401
        yield f"event: error\ndata: {encode({'type': 'error'} | error.as_json())}\n\n".encode()
    finally:
        open_streams["sse"] -= 1


def _session_id(request: HttpRequest) -> uuid.UUID:
    text = request.GET.get("sessionId", "")
    if not text:
        raise InvalidRequest(Detail("sessionId", "sessionId is missing; it is in the answer to the start request."))
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound from None


def _last_event_id(request: HttpRequest) -> int:
    """Return the newest sequence that a returning EventSource has seen; 0 if the header is missing or invalid."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _error_response(error: BatchError) -> JsonResponse:
    return JsonResponse(error.as_json(), status=error.status, headers=error.headers)
