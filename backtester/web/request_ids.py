"""Every request has an id, the caller's own if it is a sane one. It is in the answer and in the logs."""

import logging
import re
import time
import uuid
from collections.abc import Awaitable
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

from backtester.web.middleware import SAFE_METHODS, Answer, Middleware

log = logging.getLogger(__name__)
HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIds(Middleware):
    """The outermost, so that whatever is logged inside carries the id."""

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self.answer_later(request)
        began = time.monotonic()
        with bound_contextvars(request_id=(request_id := id_of(request))):
            return finished(request, cast(HttpResponseBase, self.get_response(request)), request_id, began)

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The same, inside an event loop."""
        began = time.monotonic()
        with bound_contextvars(request_id=(request_id := id_of(request))):
            response = await cast(Awaitable[HttpResponseBase], self.get_response(request))
            return finished(request, response, request_id, began)


def id_of(request: HttpRequest) -> str:
    """What the proxy or the caller gave, unless it could forge or flood a log."""
    given = request.headers.get(HEADER, "")
    return given if SANE.fullmatch(given) else uuid.uuid4().hex


def finished(request: HttpRequest, response: HttpResponseBase, request_id: str, began: float) -> HttpResponseBase:
    """Reading is the proxy's log's business; what changes something, or fails, is a line of ours. No query strings."""
    response.headers[HEADER] = request_id
    failed = response.status_code >= 500
    level = logging.WARNING if failed else logging.DEBUG if request.method in SAFE_METHODS else logging.INFO
    if log.isEnabledFor(level):
        about = {"method": request.method, "path": request.path[:200], "status": response.status_code}
        about["address"] = request.META.get("REMOTE_ADDR", "")
        log.log(level, "request", extra=about | {"ms": round((time.monotonic() - began) * 1000, 1)})
    return response
