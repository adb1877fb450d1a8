"""What every route of the API does alike: find a batch, read the query string, answer in JSON."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from ninja import P, PathEx
from pydantic import WithJsonSchema

from batches import permissions
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.validators import nearest

# Text, whatever the document says: what is malformed is not found, as the contract wants it.
SessionId = PathEx[
    Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})], P(description="The batch; a UUID.")
]
Index = PathEx[
    Annotated[str, WithJsonSchema({"type": "integer", "minimum": 0})],
    P(description="The combination's stable number in the batch, from 0."),
]


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """JSON in which what is undefined is null."""
    body = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def find(request: HttpRequest, session_id: str) -> BatchSession:
    """The batch of that id, if whoever asks may see it."""
    return permissions.find(request.user, session_id)


def asked(request: HttpRequest, *known: str, others: bool = False) -> dict[str, str]:
    """The query string, each name once. Unknown names are refused, unless the caller looks at them itself."""
    for name, values in request.GET.lists():
        if len(values) > 1:
            raise InvalidRequest(Detail(name[:60], f"{name[:60]} is given {len(values)} times; once is wanted."))
        if name not in known and not others:
            hint = nearest(name, known) or f" Known are {', '.join(known) or 'none'}."
            raise InvalidRequest(Detail(name[:60], f"There is no parameter {name[:60]!r} here.{hint}"))
    return {name: str(value) for name, value in request.GET.items()}


def unless_known(request: HttpRequest, session: BatchSession, make: Callable[[], dict[str, Any]]) -> HttpResponse:
    """What `make` returns about a batch, or 304 when the client has it. Nothing is computed for the answer "no news".

    Every change a watcher may see raises `sequence`, so the address and the sequence name what is shown. It is read
    before the rest: should the batch move on in between, the client asks once more than it had to. The tag is a weak
    one: the same state may be told in other bytes, because clocks go on (`sentAtMs`, `elapsedTime`).
    """
    named = f"{session.id} {session.created_at.isoformat()} {session.sequence} {request.get_full_path()}"
    etag = f'W/"{hashlib.sha256(named.encode()).hexdigest()[:32]}"'
    response: HttpResponse = get_conditional_response(request, etag) or answer(make())
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # kept, but asked about each time
    return response
