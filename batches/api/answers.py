"""What every route of the API does alike: answer in JSON, find a batch."""

import uuid
from typing import Any

import orjson
from django.http import HttpResponse

from batches.errors import NotFound
from batches.models import BatchSession


def answer(data: Any, status: int = 200) -> HttpResponse:
    """JSON in which what is undefined is null."""
    return HttpResponse(
        orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY), status=status, content_type="application/json"
    )


def find(session_id: str) -> BatchSession:
    """The batch of that id; a malformed id is an unknown one."""
    try:
        return BatchSession.objects.get(pk=uuid.UUID(session_id))
    except (ValueError, BatchSession.DoesNotExist):
        raise NotFound from None
