"""What can go wrong, as exceptions that carry what the server said."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


class ClientError(Exception):
    """Anything that the client raises by itself."""


class Unreachable(ClientError):
    """Nobody answers, or answers in a language that is not the contract's."""


@dataclass(frozen=True)
class Detail:
    """One field of the request and what is wrong with it."""

    field: str
    message: str


class Refused(ClientError):
    """The server's answer is no. `status` is HTTP's, `code` the contract's."""

    def __init__(self, message: str, *, code: str, status: int, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.details = details

    @property
    def is_final(self) -> bool:
        """Whether asking again would bring the same answer."""
        return self.status < 500 and self.status not in TRY_AGAIN


class NotFound(Refused):
    """No such thing, or not yours."""


class NotSignedIn(Refused):
    """A token is wanted, or another one."""


TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
KINDS: Mapping[int, type[Refused]] = {404: NotFound, 401: NotSignedIn, 403: NotSignedIn}


def refusal(status: int, answer: Any, source: str = "The server") -> Refused:
    """The exception for an error answer: in the contract's shape, or in whatever a proxy on the way says."""
    said = answer if isinstance(answer, Mapping) else {}
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    words = f"{source} answers HTTP {status} {phrase}, not as a backtester does; is the address right?"
    details = tuple(Detail(str(each.get("field")), str(each.get("message"))) for each in said.get("details") or ())
    kind = KINDS.get(status, Refused)
    return kind(str(said.get("error") or words), code=str(said.get("code") or status), status=status, details=details)
