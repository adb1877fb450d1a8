"""How much one address may ask for: writing requests a minute, and open streams.

Counted in each server process by itself, in memory. Behind a proxy that is not among TRUSTED_PROXIES every client has
the proxy's address (`proxies.py`).
"""

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from backtester.web.api_errors import answer
from backtester.web.middleware import SAFE_METHODS, Answer, Middleware
from batches.errors import BatchError

KNOWN_ADDRESSES = 10_000
STREAM_PATH = "/api/backtest/batch/stream"
TRY_AGAIN_S = 5


def counted_as(address: str) -> str:
    """One client: an IPv4 address, or an IPv6 network, of which one client has all addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address  # a unix socket has none
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


class Buckets:
    """A token bucket for each address: a minute's worth at once, then as many as flow in again."""

    def __init__(self) -> None:
        self.levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> (tokens, at)

    def wait_s(self, address: str, per_minute: int, now: float) -> int:
        """0 when one more is allowed now, which is then counted; else the seconds until one is."""
        tokens, at = self.levels.pop(address, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - at) * per_minute / 60)
        self.levels[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self.levels) > KNOWN_ADDRESSES:
            self.levels.popitem(last=False)
        return 0 if tokens >= 1 else math.ceil((1 - tokens) * 60 / per_minute)


class WriteRates(Middleware):
    """Too many writing requests from one address get 429."""

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        super().__init__(get_response)
        self.buckets = Buckets()

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """429, or None."""
        limit = settings.WRITES_PER_MINUTE
        if request.method in SAFE_METHODS or not limit:
            return None
        wait_s = self.buckets.wait_s(counted_as(request.META.get("REMOTE_ADDR", "")), limit, time.monotonic())
        if not wait_s:
            return None
        words = f"One address may send {limit:,} writing requests a minute (WRITES_PER_MINUTE); wait {wait_s} s."
        response = answer(words, 429, "TOO_MANY_REQUESTS")
        response["Retry-After"] = str(wait_s)
        return response


class StreamsByAddress:
    """ASGI wrapper: one address may hold so many websockets and event streams open, and no more."""

    open = Counter[str]()  # of this process, over both protocols

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
    """The one error shape: 429, or a frame and close code 4429."""
    limit = settings.STREAMS_MAX_PER_ADDRESS
    words = f"One address may hold {limit:,} streams open (STREAMS_MAX_PER_ADDRESS); close one first."
    body = orjson.dumps(BatchError(words, code="LIMIT_REACHED", status=429).as_json())
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode()})
        await send({"type": "websocket.close", "code": 4429, "reason": words})
        return
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"%d" % TRY_AGAIN_S)]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
