"""Read a JSON body strictly: what Python's reader lets pass (NaN, 1e400, doubled keys) is refused."""

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
    """The request's JSON value; BatchError (400, 413, 415) when it has none that can be trusted."""
    if request.content_type != "application/json":
        raise BatchError(
            f"The content type is {(request.content_type or '')[:60]!r}; application/json is wanted.",
            code="UNSUPPORTED_MEDIA_TYPE",
            status=415,
        )
    try:
        value = json.loads(
            request.body,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_short,
            object_pairs_hook=_distinct_keys,
        )
        _refuse_depth(value)
        if b"\\u" in request.body:  # half a surrogate pair could neither be stored nor be sent back
            json.dumps(value, ensure_ascii=False).encode()
    except RequestDataTooBig:
        raise BatchError(
            f"The body is larger than {settings.BATCH_MAX_BODY_BYTES:,} bytes (BATCH_MAX_BODY_BYTES).",
            code="BODY_TOO_LARGE",
            status=413,
        ) from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError and our own are ValueErrors
        raise _malformed(str(error)[:200]) from None
    return value


def _malformed(reason: str) -> BatchError:
    return BatchError(f"The body is not JSON that can be read: {reason}.", code="MALFORMED_JSON", status=400)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _refuse_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        children = (inner for each in level for inner in (each.values() if isinstance(each, dict) else each))
        level = [inner for inner in children if isinstance(inner, dict | list)]
    if level:
        raise ValueError(f"it is nested more than {settings.BATCH_MAX_DEPTH} deep (BATCH_MAX_DEPTH)")


def _refuse_length(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"{text[:20]}... has {len(text):,} characters; at most {limit} are read (BATCH_MAX_DIGITS)")


def _short(text: str) -> int:
    _refuse_length(text)
    return int(text)


def _finite(text: str) -> float:
    _refuse_length(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        doubled = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {doubled[:60]!r} is given twice")
    return found
