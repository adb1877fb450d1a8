"""Answers about a whole batch, and the one shape of an error."""

from typing import Annotated, Any, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from batches.sweep.wire_types import BatchResults, Count, EstimatedLuck, Seconds, SessionId, StatusName, doc

Success = Annotated[bool, doc("Always true: the request was carried out.", json_schema_extra={"const": True})]
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Notes = Annotated[list[str], doc("What is allowed and rarely meant; left out when there is nothing.")]


def request_body(schema: dict[str, Any], *, required: bool = True, **examples: Any) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": schema, **examples}}}


def object_schema(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


class ErrorDetail(TypedDict):
    """One field of a refused request."""

    field: Annotated[str, doc("Its name; inside an object, after a dot. Empty: the body as a whole.")]
    message: Annotated[str, doc("What the value must be, and what came.")]


class Error(TypedDict):
    """Every refusal has this shape, on every transport."""

    success: Annotated[bool, doc("Always false.", json_schema_extra={"const": False})]
    error: Annotated[str, doc("One clear sentence.")]
    code: Annotated[str, doc("For programs: NOT_FOUND, INVALID_REQUEST, ...", pattern="^[A-Z_]+$")]
    details: Annotated[list[ErrorDetail], doc("What is wrong with which field.")]


class Started(TypedDict):
    """A batch was started."""

    success: Success
    sessionId: SessionId
    message: Annotated[str, doc("What happens next.")]
    total: Annotated[Count, doc("Tests in all.")]
    streamUrl: Annotated[str, doc("Address of the Server-Sent Events.")]
    websocketUrl: Annotated[str, doc("Address of the same events over a websocket.")]
    pageUrl: Annotated[str, doc("Address of the batch's page.")]
    retryOf: NotRequired[Annotated[SessionId, doc("The batch that a retry continues.")]]
    notes: NotRequired[Notes]


class ClassicAnswer(TypedDict):
    """The results of a batch that the request waited for."""

    success: Success
    sessionId: SessionId
    executionTimeMs: Annotated[Count, doc("Milliseconds from the request to the end.")]
    data: BatchResults
    notes: NotRequired[Notes]


class Estimate(TypedDict):
    """What a batch would cost."""

    success: Success
    total: Annotated[Count, doc("Tests, after the strategy's constraints.")]
    excluded: Annotated[Count, doc("Combinations that the constraints exclude.")]
    estimatedSeconds: Annotated[Seconds, doc("Wall-clock seconds with all workers free.")]
    estimateIsMeasured: Annotated[bool, doc("Whether a similar batch was measured here; else the seconds are a guess.")]
    estimatedBytes: Annotated[Count, doc("Bytes of stored results.")]
    luck: Annotated[EstimatedLuck | None, doc("What luck alone would show; null for a single test.")]
    notes: NotRequired[Notes]


class Moved(TypedDict):
    """The state of a batch after a request to cancel, pause or resume it."""

    success: Success
    sessionId: SessionId
    status: StatusName
    changed: Annotated[bool, doc("False when the batch was in that state already, or had ended.")]


class Deleted(TypedDict):
    """The batch and its results are gone."""

    success: Success
    sessionId: SessionId
