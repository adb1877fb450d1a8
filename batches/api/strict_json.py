"""Read a JSON body strictly: NaN, 1e400 and repeated keys, which Python accepts, are refused."""

import json
import math
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from batches.errors import BatchError

MAX_DEPTH = 32
MAX_DIGITS = 400  # of one number


def json_body(request: HttpRequest) -> Any:
    """Return the JSON value of a request; BatchError (400, 413, 415) when there is none, or it breaks a limit."""
    if request.content_type != "application/json":
        raise BatchError(
            f"The content type must be application/json, got {(request.content_type or '')[:60]!r}.",
            code="UNSUPPORTED_MEDIA_TYPE",
            status=415,
        )
    try:
        value = json.loads(
            request.body,
            parse_constant=_parse_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
            object_pairs_hook=_parse_object,
        )
        _check_depth(value)
        if b"\\u" in request.body:  # half a surrogate pair can be neither stored nor sent
            json.dumps(value, ensure_ascii=False).encode()
    except RequestDataTooBig:
        raise BatchError(
            f"The body must have at most {settings.BATCH_MAX_BODY_BYTES:,} bytes (BATCH_MAX_BODY_BYTES).",
            code="BODY_TOO_LARGE",
            status=413,
        ) from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:  # also JSONDecodeError and UnicodeDecodeError
        raise _malformed(str(error)[:200]) from None
    return value


def _malformed(reason: str) -> BatchError:
    return BatchError(f"The body must be valid JSON: {reason}.", code="MALFORMED_JSON", status=400)


def _parse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _parse_int(text: str) -> int:
    _check_length(text)
    return int(text)


def _parse_float(text: str) -> float:
    _check_length(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {repeated[:60]!r} is given twice")
    return value


def _check_length(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"numbers must have at most {MAX_DIGITS} characters, got {len(text):,}")


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        children = (inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer))
        level = [inner for inner in children if isinstance(inner, dict | list)]
    if level:
        raise ValueError(f"it must be nested at most {MAX_DEPTH} deep")
