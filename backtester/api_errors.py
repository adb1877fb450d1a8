"""One error shape under `/api/`, elsewhere for who asks for JSON, also for what the framework refuses by itself;
and no writing from foreign pages."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from backtester.origins import is_known_origin
from batches.errors import BatchError

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
HTML, JSON = "text/html", "application/json"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class ApiErrors:
    """Middleware, sync and async."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self._later(request)
        return refusal(request) or in_shape(request, cast(HttpResponseBase, self.get_response(request)))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        if refused := refusal(request):
            return refused
        return in_shape(request, await cast(Awaitable[HttpResponseBase], self.get_response(request)))


def refusal(request: HttpRequest) -> HttpResponseBase | None:
    """The answer to a writing request from a page of another site.

    The API takes no CSRF token, so that scripts can call it; but a browser says which page a request comes from.
    """
    if not request.path.startswith("/api/") or request.method in SAFE_METHODS:
        return None
    origin = request.headers.get("Origin")
    if is_known_origin(origin, request.headers.get("Host", "")):
        return None
    return answer(f"Pages of {origin!r} may not do this (CORS_ALLOWED_ORIGINS).", 403, "FOREIGN_ORIGIN")


def in_shape(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, in our shape if it is an error that is not."""
    status = response.status_code
    if status < 400 or not wants_json(request):
        return response
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    phrase = HTTPStatus(status).phrase
    words = f"{phrase}: {request.method} {request.path[:200]}."
    if allowed := response.headers.get("Allow"):
        words += f" Allowed: {allowed}."
    shaped = answer(words, status, phrase.upper().replace(" ", "_"))
    for name in KEPT_HEADERS:
        if name in response.headers:
            shaped.headers[name] = response.headers[name]
    return shaped


def wants_json(request: HttpRequest) -> bool:
    """Everybody under `/api/`; elsewhere who says so. Browsers say that they want HTML."""
    return request.path.startswith("/api/") or request.get_preferred_type([HTML, JSON]) == JSON


def answer(message: str, status: int, code: str) -> JsonResponse:
    """The one error shape."""
    return JsonResponse(BatchError(message, code=code, status=status).as_json(), status=status)
