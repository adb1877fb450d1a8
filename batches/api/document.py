"""The OpenAPI document: Ninja builds it from the routes; this module adds the statuses, headers and the stream."""

from collections.abc import Iterable
from typing import Any

from ninja import NinjaAPI, Router
from ninja.operation import Operation
from pydantic import TypeAdapter

from batches.api.schemas.batches import Error
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import wire_name

DESCRIPTION = """Sweep symbols x parameters, watch it live, explore every result.

Keys are camelCase. Fractions are decimals (0.487 is 48.7 %), durations are seconds, instants are ISO 8601 in UTC unless
a name ends in `Ms`. What is undefined is `null`. Every refusal has one shape."""
STATUSES = {
    304: "Nothing has changed since.",
    400: "The request, or its JSON, cannot be read.",
    401: "In team mode: log in, or send the token of an account (Authorization: Bearer).",
    403: "A page of another site may not do this (CORS_ALLOWED_ORIGINS), or this account may not.",
    404: "It does not exist, or is not yours.",
    405: "Method not allowed; see `Allow`.",
    409: "Not possible in the present state.",
    413: "The body is too large.",
    415: "The content type is not supported.",
    422: "A value is wrong: each detail names a field, what it must be, and what came.",
    429: "A limit is reached; the message names its setting.",
    500: "Internal error; details are in the server log.",
    503: "The database does not accept changes at the moment.",
    504: "The batch passed its deadline.",
    507: "No room for the results.",
}
ALWAYS = (400, 401, 404, 405, 500, 503)
WRITING = (403, 429)
START_REFUSALS = (*WRITING, 409, 413, 415, 422, 504, 507)


def answers(schemas: dict[int, Any], *refusals: int) -> dict[int | frozenset[int], Any]:
    """Return `response=` of a route: the schemas of its answers, and the statuses with which it refuses.

    Those have no schema here, because Ninja would build a model for each, which takes a third of a second at the start.
    """
    return schemas | {frozenset({*ALWAYS, *refusals}): None}


def parameters(*queries: Any, headers: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return the parameters that the fields of TypedDicts describe."""
    described = list(headers)
    for query in queries:
        schema = TypeAdapter(query).json_schema()
        described += [
            _parameter("query", name, field, required=name in schema.get("required", ()))
            for name, field in schema["properties"].items()
        ]
    return described


def _parameter(place: str, name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"in": place, "name": name, "schema": schema, "description": schema["description"], "required": required}


def header(name: str, description: str, example: str = "") -> dict[str, Any]:
    """Return one request header."""
    parameter = _parameter("header", name, {"type": "string", "description": description})
    return parameter | {"example": example} if example else parameter


def _sent(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}, **more}


RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
ETAG = {"ETag": _sent("Names this state, weakly; send it back in If-None-Match.")}
APPLIED = {"Preference-Applied": _sent("The preference that was followed.")}
HEADERS = {
    202: {"Location": _sent("Address of the batch.", required=True), **RETRY_AFTER, **APPLIED},
    304: ETAG,
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
IF_NONE_MATCH = header("If-None-Match", "An ETag: 304 when nothing has changed since.")
ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
# A Django view: Ninja would keep the request of every open stream in memory.
STREAM = {
    "operationId": "stream",
    "summary": "The events of a batch as Server-Sent Events",
    "description": "`connected` first, then `progress` at most twice a second, and exactly one `complete` or"
    " `error` at the end. `data` is a ProgressEvent. The same comes over a websocket at"
    " /ws/backtest/batch/{session_id}/.",
    "tags": ["Batches"],
    "parameters": [
        _parameter(
            "query", "sessionId", {"type": "string", "format": "uuid", "description": "The batch."}, required=True
        ),
        header("Last-Event-ID", "The newest sequence that was received."),
    ],
    "responses": {
        200: {
            "description": "The stream.",
            "content": {"text/event-stream": {"schema": {"type": "string", "description": "Events."}}},
        },
        204: {"description": "The last event was received already: do not reconnect."},
        **dict.fromkeys((*ALWAYS, 422, 429), ERROR),
    },
}


class Routes(Router):
    """A router on which every GET route answers HEAD as well (RFC 9110, 9.1)."""

    def add_api_operation(self, path: str, methods: list[str], *args: Any, **options: Any) -> None:
        """Add HEAD to the methods of a GET route."""
        super().add_api_operation(path, [*methods, "HEAD"] if "GET" in methods else methods, *args, **options)


class DocumentedAPI(NinjaAPI):
    """A NinjaAPI with a complete document."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the name of the method in a generated client."""
        return wire_name(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> Any:
        """Return the document in OpenAPI 3.1."""
        document = super().get_openapi_schema(**options)
        document["paths"]["/api/backtest/batch/stream"] = {"get": STREAM}
        for operations in document["paths"].values():
            operations.pop("head", None)
            for method, operation in operations.items():
                operations[method] = _completed(operation)
        schemas = document["components"]["schemas"]
        # At this point and not at import, because strategies of the user's own are registered when Django starts.
        schemas["StartRequest"] = StartRequest.model_json_schema()
        error = TypeAdapter(Error).json_schema(ref_template="#/components/schemas/{model}")
        schemas |= error.pop("$defs") | {"Error": error}
        for schema in schemas.values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        return document


def _completed(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the operation with our words and headers, and with its statuses as JSON has them: strings.

    Ninja's statuses are ints; next to a string of the same digits, a JSON object would have a key twice.
    """
    responses = {}
    for status, response in operation["responses"].items():
        if status >= 400:
            response |= ERROR
        described = {"description": STATUSES[status]} if status in STATUSES else {}
        headers = {"headers": HEADERS[status]} if status in HEADERS else {}
        responses[str(status)] = response | described | headers
    if "304" not in responses:
        return operation | {"responses": responses}
    responses["200"]["headers"] = ETAG
    return operation | {"responses": responses, "parameters": [*operation["parameters"], IF_NONE_MATCH]}
