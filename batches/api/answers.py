"""What the routes of the API share: find a batch, read the query string, answer in JSON."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.cache import get_conditional_response
from ninja import P, PathEx
from pydantic import WithJsonSchema

from batches import permissions
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.sweep.encoding import encode
from batches.validators import nearest

# Read as text, whatever the document says: a malformed id is answered with 404, not with 422.
SessionId = PathEx[
    Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})], P(description="The batch; a UUID.")
]
Index = PathEx[
    Annotated[str, WithJsonSchema({"type": "integer", "minimum": 0})],
    P(description="The combination's stable number in the batch, from 0."),
]

Symbol = PathEx[
    Annotated[str, WithJsonSchema({"type": "string", "maxLength": 64})],
    P(description="An instrument of /api/instruments, in any case."),
]


def answer(data: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a JSON response. Ninja hands it on as it is: nothing is validated, NaN becomes null."""
    try:
        body = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # half a surrogate pair that an earlier version stored
        body = encode(data).encode()
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def visible_batch(request: HttpRequest, session_id: str) -> BatchSession:
    """Return the batch with that id if the user may see it."""
    return permissions.find(request.user, session_id)


def query_parameters(request: HttpRequest, names: Iterable[str] = (), *, allow_others: bool = False) -> dict[str, str]:
    """Return the query string, checked as `_single_values` says."""
    return _single_values(request.GET, "parameter", names, allow_others=allow_others)


def form_fields(request: HttpRequest, names: Iterable[str], *, files: str) -> dict[str, str]:
    """Return the fields of a form, checked as `_single_values` says. Files are in the field `files` only."""
    for name in request.FILES:
        if name != files:
            raise InvalidRequest(Detail(name[:60], f"A file must be in the field {files!r}, got it in {name[:60]!r}."))
    return _single_values(request.POST, "field", names)


def _single_values(values: QueryDict, kind: str, names: Iterable[str], *, allow_others: bool = False) -> dict[str, str]:
    """Return name to value; InvalidRequest when a name is repeated, unknown unless others are allowed, or has a NUL.

    PostgreSQL fails on a NUL, where SQLite finds nothing.
    """
    names = list(names)
    for name, repeated in values.lists():
        if len(repeated) > 1:
            raise InvalidRequest(Detail(name[:60], f"{name[:60]} must be given once, got it {len(repeated)} times."))
        if name not in names and not allow_others:
            hint = nearest(name, names) or f" Known: {', '.join(names) or 'none'}."
            raise InvalidRequest(Detail(name[:60], f"Unknown {kind} {name[:60]!r}.{hint}"))
        if "\0" in repeated[0]:
            raise InvalidRequest(Detail(name[:60], f"{name[:60]} must not contain a NUL, got {repeated[0][:60]!r}."))
    return {name: str(value) for name, value in values.items()}


def unless_unchanged(
    request: HttpRequest, session: BatchSession, make: Callable[[], Mapping[str, object]]
) -> HttpResponse:
    """Return what `make` computes about a batch, or 304 without computing it when the client's ETag is current.

    Every visible change raises `sequence`, so address and sequence identify the answer. The sequence is read before
    the rest: if the batch changes in between, the client asks once more than needed. The tag is weak, because the
    same state can be sent in other bytes: `sentAtMs` and `elapsedTime` follow the clock.
    """
    state = f"{session.id} {session.created_at.isoformat()} {session.sequence} {session.judged_at}"
    identity = f"{state} {request.get_full_path()}"
    etag = f'W/"{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'
    response: HttpResponse = get_conditional_response(request, etag) or answer(make())
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # stored, and revalidated each time
    return response
