"""Responses that the server sends without the application: errors in the one JSON shape, with the security headers."""

from http import HTTPStatus

import orjson

from backtester.web.headers import error_headers
from batches.errors import BatchError

REASONS = {413: "Content Too Large"}  # since RFC 9110; Python 3.11 has the old phrase


def raw_answer(error: BatchError) -> bytes:
    """Return a complete HTTP/1.1 response, after which the connection is closed."""
    body = orjson.dumps(error.as_json())
    headers = [*error_headers(error), (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")]
    head = [f"HTTP/1.1 {error.status} {phrase(error.status)}".encode(), *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join([*head, b"", body])


def phrase(status: int) -> str:
    return REASONS.get(status) or HTTPStatus(status).phrase


def server_error(status: int, reason: str) -> BatchError:
    """Return an error that Daphne, Twisted or Autobahn has found."""
    return BatchError(f"{phrase(status)}: {reason}.", code=phrase(status).upper().replace(" ", "_"), status=status)
