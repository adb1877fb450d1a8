"""Server-Sent Events: the same watcher over plain HTTP, for EventSource clients."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from backtester.accounts.credentials import request_credential
from batches.errors import BatchError, Detail, InvalidRequest, NotFound
from batches.live.follow import follow, hub, refusal
from batches.live.subscriptions import Event
from batches.ops.counters import open_streams

RETRY_MS = (300, 1500)  # each client draws its own, so that a server that comes back is not met by all at once
LIFE_SPREAD = 0.2
HEARTBEAT = b": heartbeat\n\n"
PADDING = b":" + b" " * 2048 + b"\n"  # some old proxies and browsers hand on nothing before the first 2 kB
TYPE = "text/event-stream"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "Content-Encoding": "identity",  # so would a compressing middleware
}
PATH = "/api/backtest/batch/stream"
OPENED = "batches.live.streams.opened"
Frames = AsyncGenerator[bytes, None]
Message = dict[str, Any]


@csrf_exempt  # it changes nothing; a POST should hear of its method, not of a token
async def batch_stream(request: HttpRequest) -> HttpResponseBase:
    """`GET /api/backtest/batch/stream?sessionId=`."""
    if request.method not in {"GET", "HEAD"}:
        refused = BatchError("The stream is read with GET.", code="METHOD_NOT_ALLOWED", status=405)
        refused.headers["Allow"] = "GET, HEAD"
        return _refusal(refused)
    try:
        life_s = settings.STREAM_LIFE_S * random.uniform(1 - LIFE_SPREAD, 1 + LIFE_SPREAD)
        events = follow(_session_id(request), request_credential(request), after=last_event_id(request), life_s=life_s)
        first = await anext(events, None)
    except BatchError as error:
        return _refusal(error)
    if first is None:  # the client has seen the terminal event: 204 ends an EventSource's retries
        return HttpResponse(status=204)
    if request.method == "HEAD":
        await events.aclose()
        return HttpResponse(content_type=TYPE, headers=HEADERS)
    frames = _frames(first, events)
    if (opened := getattr(request, "scope", {}).get(OPENED)) is not None:
        opened.append(frames)
        return HttpResponse(content_type=TYPE, headers=HEADERS)
    return StreamingHttpResponse(frames, content_type=TYPE, headers=HEADERS)


class LeanStreams:
    """ASGI wrapper. Django opens a stream as it answers any request, with all its middleware; then it may go.

    A StreamingHttpResponse keeps the request, its tasks and its context alive behind every watcher, which costs twice
    the memory. Here only the socket and the watcher stay. And a crowd that comes at once is let in by a few at a time:
    what Django holds for each while it is opened would otherwise be held for all, and memory is seldom given back.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        if not scope["path"].endswith(PATH):
            await self.application(scope, receive, send)
            return
        async with hub().opening_streams:
            frames = await self._open(scope, receive, send)
        if frames is not None:
            async with contextlib.aclosing(frames):
                await _pump(frames, receive, send)

    async def _open(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> Frames | None:
        """Let Django answer; the events, if it opened a stream and the client is still there."""
        opened: list[Frames] = []
        left = False

        async def receive_and_note() -> Message:
            nonlocal left
            message = await receive()
            left = left or message["type"] == "http.disconnect"
            return message

        async def send_head(message: Message) -> None:
            if not opened:
                await send(message)
            elif message["type"] == "http.response.start":  # the view's own body is empty, ours is yet to come
                headers = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
                await send(message | {"headers": headers})

        try:
            await self.application(scope | {OPENED: opened}, receive_and_note, send_head)
        except BaseException:
            left = True
            raise
        finally:
            if left:
                for frames in opened:
                    await frames.aclose()
        return opened[0] if opened and not left else None


async def _pump(frames: Frames, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
    """Write until the frames end or the client leaves."""

    async def write() -> None:
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    writing = asyncio.create_task(write())
    try:
        while (await receive())["type"] != "http.disconnect":
            pass  # servers say it also when the answer is complete
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


async def _frames(first: Event, events: AsyncGenerator[Event | None, None]) -> Frames:
    open_streams["sse"] += 1
    try:
        async with contextlib.aclosing(events):
            yield PADDING + f"retry: {random.randint(*RETRY_MS)}\n\n".encode() + first.frame
            del first  # it would stay for as long as the stream is open
            async for event in events:
                yield HEARTBEAT if event is None else event.frame
    except (
        BatchError
    ) as error:  # the batch, or the right, is gone; an EventSource that comes back gets 404 or 401, and stays away
        yield f"event: error\ndata: {refusal(error)}\n\n".encode()
    finally:
        open_streams["sse"] -= 1


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
    return JsonResponse(error.as_json(), status=error.status, headers=error.headers)
