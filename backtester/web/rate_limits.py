"""Limit the writing requests and the open streams of each address.

Each server process counts for itself, in memory. Behind a proxy that is not in TRUSTED_PROXIES all clients share the
proxy's address (`proxies.py`).
"""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from backtester.accounts.addresses import counted_as
from backtester.web.api_errors import error_response
from backtester.web.headers import error_headers
from backtester.web.middleware import SAFE_METHODS, Answer, Middleware
from batches.errors import TooMany

MAX_ADDRESSES = 10_000
STREAM_PATH = "/api/backtest/batch/stream"
RETRY_AFTER_S = 5


class Buckets:
    """A token bucket for each address. It holds the requests of one minute."""

    def __init__(self) -> None:
        self.levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> (tokens, at)

    def wait_s(self, address: str, per_minute: int, now: float) -> int:
        """Count a request and return 0, or return the seconds until one is allowed."""
        tokens, at = self.levels.pop(address, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - at) * per_minute / 60)
        self.levels[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self.levels) > MAX_ADDRESSES:
            self.levels.popitem(last=False)
        return 0 if tokens >= 1 else math.ceil((1 - tokens) * 60 / per_minute)


class WriteRateLimit(Middleware):
    """Refuse too many writing requests from one address with 429."""

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        super().__init__(get_response)
        self.buckets = Buckets()

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        limit = settings.WRITES_PER_MINUTE
        if request.method in SAFE_METHODS or not limit:
            return None
        wait_s = self.buckets.wait_s(counted_as(request.META.get("REMOTE_ADDR", "")), limit, time.monotonic())
        if not wait_s:
            return None
        message = f"One address may send {limit:,} writing requests per minute (WRITES_PER_MINUTE). Wait {wait_s} s."
        response = error_response(message, 429, "TOO_MANY_REQUESTS")
        response["Retry-After"] = str(wait_s)
        return response


class StreamsByAddress:
    """Limit the websockets and event streams that one address holds open."""

    open = Counter[str]()  # in this process, both protocols

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] != STREAM_PATH:
            await self.application(scope, receive, send)
            return
        address = counted_as((scope.get("client") or ("", 0))[0])
        if self.open[address] >= settings.STREAMS_MAX_PER_ADDRESS:
            await refuse(scope, receive, send)
            return
        self.open[address] += 1
        try:
            await self.application(scope, receive, send)
        finally:
            self.open[address] -= 1
            if not self.open[address]:
                del self.open[address]


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer 429, or an error message and close code 4429."""
    limit = settings.STREAMS_MAX_PER_ADDRESS
    message = f"One address may hold {limit:,} streams open (STREAMS_MAX_PER_ADDRESS). Close one first."
    error = TooMany(message, retry_after_s=RETRY_AFTER_S)
    body = orjson.dumps(error.as_json())
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode()})
        await send({"type": "websocket.close", "code": 4429, "reason": message})
        return
    await send({"type": "http.response.start", "status": error.status, "headers": error_headers(error)})
    await send({"type": "http.response.body", "body": body})
