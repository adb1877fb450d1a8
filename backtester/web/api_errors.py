"""One error shape under `/api/`, elsewhere for who asks for JSON, also for what the framework refuses by itself;
and no writing from foreign pages."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from backtester.web.middleware import SAFE_METHODS, Middleware
from backtester.web.origins import is_known_origin
from batches.errors import BatchError

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
HTML, JSON = "text/html", "application/json"


class ApiErrors(Middleware):
    """Errors in our shape, and no writing from foreign pages."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to a writing request from a page of another site.

        The API takes no CSRF token, so that scripts can call it; but a browser says which page a request comes from.
        """
        if not request.path.startswith("/api/") or request.method in SAFE_METHODS:
            return None
        origin = request.headers.get("Origin")
        if is_known_origin(origin, request.headers.get("Host", "")):
            return None
        return answer(f"Pages of {origin!r} may not do this (CORS_ALLOWED_ORIGINS).", 403, "FOREIGN_ORIGIN")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response, in our shape if it is an error that is not."""
        status = response.status_code
        if status < 400 or not wants_json(request):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        phrase = HTTPStatus(status).phrase
        words = f"{phrase}: {request.method} {request.path[:200]}."
        if allowed := response.headers.get("Allow"):
            words += f" Allowed: {', '.join(sorted(allowed.split(', ')))}."
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
