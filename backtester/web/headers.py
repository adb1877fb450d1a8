"""Security headers that Django 5.2 has no setting for."""

from django.http import HttpRequest, HttpResponseBase

from backtester.web.middleware import Middleware
from batches.errors import BatchError

STRICT = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:;"
    " frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'"
)
# django-unfold uses Alpine, which evaluates expressions, and inline styles.
ADMIN = STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)

PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=()"
# What Django and this module put on every response, for responses that do not pass through the middleware.
POLICIES = {
    "Content-Security-Policy": STRICT,
    "Permissions-Policy": PERMISSIONS,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SecurityHeaders(Middleware):
    """Add a content security policy and a permissions policy to every response."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", ADMIN if request.path.startswith("/admin/") else STRICT)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response


def error_headers(error: BatchError) -> list[tuple[bytes, bytes]]:
    """Return the headers of an error that does not pass through the middleware."""
    headers = {"Content-Type": "application/json"} | POLICIES | error.headers
    return [(name.encode(), value.encode()) for name, value in headers.items()]
