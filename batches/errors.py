"""Errors of a request. They have one JSON shape on the API, the pages and the streams."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Detail:
    field: str
    message: str


class BatchError(Exception):
    def __init__(self, message: str, *, code: str, status: int, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.details = details
        self.headers: dict[str, str] = {}

    def as_json(self) -> dict[str, object]:
        return {
            "success": False,
            "error": self.message,
            "code": self.code,
            "details": [{"field": d.field, "message": d.message} for d in self.details],
        }


class InvalidRequest(BatchError):
    def __init__(self, *details: Detail) -> None:
        message = details[0].message if len(details) == 1 else " ".join(d.message for d in details[:5])
        super().__init__(message, code="INVALID_REQUEST", status=422, details=details)


class NotFound(BatchError):
    """Missing, or another owner's: the two look the same, so that ids cannot be probed."""

    def __init__(self, kind: str = "batch") -> None:
        super().__init__(f"There is no such {kind}.", code="NOT_FOUND", status=404)


class Conflict(BatchError):
    """The request does not fit the present state."""

    def __init__(self, message: str, *, code: str = "CONFLICT") -> None:
        super().__init__(message, code=code, status=409)


class TooMany(BatchError):
    """A limit of this installation is reached. The message names the setting."""

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message, code="LIMIT_REACHED", status=429)
        self.headers["Retry-After"] = str(retry_after_s)


class Busy(BatchError):
    """The server has no room for the request at the moment."""

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message, code="BUSY", status=503)
        self.headers["Retry-After"] = str(retry_after_s)


class Unauthorized(BatchError):
    def __init__(self) -> None:
        super().__init__(
            "Log in, or send the token of an account as `Authorization: Bearer ...`.", code="UNAUTHORIZED", status=401
        )
        self.headers["WWW-Authenticate"] = 'Bearer realm="backtester"'


class Forbidden(BatchError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="FORBIDDEN", status=403)
