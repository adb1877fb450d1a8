"""Give each request an id, the caller's own if it is safe to log. The response and the log lines carry it."""

import logging
import re
import time
import uuid

from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

from backtester.web.middleware import SAFE_METHODS, Middleware

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIds(Middleware):
    """The outermost middleware, so that every line logged inside carries the id."""

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        with bound_contextvars(request_id=(request_id := id_of(request))):
            return finish(request, self.next(request), request_id, began)

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        with bound_contextvars(request_id=(request_id := id_of(request))):
            return finish(request, await self.next_async(request), request_id, began)


def id_of(request: HttpRequest) -> str:
    """Return the id of the proxy or the caller, unless it could forge or flood a log."""
    request_id = request.headers.get(HEADER, "")
    return request_id if SAFE_ID.fullmatch(request_id) else uuid.uuid4().hex


def finish(request: HttpRequest, response: HttpResponseBase, request_id: str, began: float) -> HttpResponseBase:
    """Log requests that change something or fail; the proxy logs the others. Query strings are not logged."""
    response.headers[HEADER] = request_id
    failed = response.status_code >= 500
    level = logging.WARNING if failed else logging.DEBUG if request.method in SAFE_METHODS else logging.INFO
    if log.isEnabledFor(level):
        facts = {
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            "address": request.META.get("REMOTE_ADDR", ""),
            "ms": round((time.monotonic() - began) * 1000, 1),
        }
        log.log(level, "request", extra=facts)
    return response
