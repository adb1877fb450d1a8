"""Give all errors of the API one JSON shape, those of the framework included, and refuse writes from other sites."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from backtester.web.error_pages import request_id
from backtester.web.middleware import SAFE_METHODS, Middleware
from backtester.web.origins import is_known_origin
from batches.errors import BatchError

ERROR_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
HTML, JSON = "text/html", "application/json"


class ApiErrors(Middleware):
    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Refuse writing requests from pages of other sites.

        The API requires no CSRF token, so that scripts can call it; browsers name the page in the Origin header.
        """
        if not request.path.startswith("/api/") or request.method in SAFE_METHODS:
            return None
        origin = request.headers.get("Origin")
        if is_known_origin(origin, request.scheme or "http", request.headers.get("Host", "")):
            return None
        message = f"Pages of {origin!r} are not allowed to do this (CORS_ALLOWED_ORIGINS)."
        return error_response(message, 403, "FOREIGN_ORIGIN")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        status = response.status_code
        if status < 400 or not wants_json(request):
            return response
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response
        phrase = HTTPStatus(status).phrase
        message = f"{phrase}: {request.method} {request.path[:200]}."
        if methods := response.headers.get("Allow"):
            message += f" Allowed: {', '.join(sorted(methods.split(', ')))}."
        if status >= 500 and (logged := request_id()):
            message += f" The log has it with the request id {logged}."
        error = error_response(message, status, phrase.upper().replace(" ", "_"))
        for name in ERROR_HEADERS:
            if name in response.headers:
                error.headers[name] = response.headers[name]
        return error


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client gets JSON: all do under `/api/`, elsewhere those that prefer it to HTML."""
    return request.path.startswith("/api/") or request.get_preferred_type([HTML, JSON]) == JSON


def error_response(message: str, status: int, code: str) -> JsonResponse:
    return JsonResponse(BatchError(message, code=code, status=status).as_json(), status=status)
