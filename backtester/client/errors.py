"""The errors of the client, with the server's message."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


class ClientError(Exception):
    """The base of all errors below."""


class Unreachable(ClientError):
    """The server does not answer, or what answers is not a backtester."""


@dataclass(frozen=True)
class Detail:
    """One field of a refused request, and what is wrong with it."""

    field: str
    message: str


class Refused(ClientError):
    """The server refused a request. `status` is that of HTTP, `code` that of the API."""

    def __init__(self, message: str, *, code: str, status: int, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.details = details

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return self.status < 500 and self.status not in TRY_AGAIN


class NotFound(Refused):
    """There is no such thing, or it belongs to another account."""


class NotSignedIn(Refused):
    """The server needs a token, or the token does not permit the request."""


TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
ERRORS_BY_STATUS: Mapping[int, type[Refused]] = {404: NotFound, 401: NotSignedIn, 403: NotSignedIn}


def refusal(status: int, answer: Any, source: str = "The server") -> Refused:
    """Return the exception for an error answer, whether the API sent it or a proxy in between."""
    body = answer if isinstance(answer, Mapping) else {}
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    unknown = f"{source} answers HTTP {status} {phrase}, not as a backtester does; is the address right?"
    details = tuple(Detail(str(item.get("field")), str(item.get("message"))) for item in body.get("details") or ())
    code = str(body.get("code") or status)
    error_class = ERRORS_BY_STATUS.get(status, Refused)
    return error_class(str(body.get("error") or unknown), code=code, status=status, details=details)
