"""What the framework cannot know of each route: parameters read by hand, answers, headers, refusals."""

from http import HTTPStatus
from typing import Any

from django.conf import settings

from batches.api.openapi.fields import METRIC_NAME, METRICS_OF_A_TEST, Schema, field, ref
from batches.api.openapi.requests import PRICES_BODY, START_BODY

Parts = dict[str, Any]

WORDS = {
    400: "The request, or its JSON, cannot be read.",
    401: "In team mode: log in, or send the token of an account (Authorization: Bearer).",
    403: "A page of another site may not do this (CORS_ALLOWED_ORIGINS), or this account may not.",
    404: "No such thing, or not yours.",
    405: "Not with this method; `Allow` names those that there are.",
    409: "Not in the present state.",
    413: "The body is too large.",
    415: "The body is not of the wanted content type.",
    422: "Something has a wrong value: each detail names a field, what came, and what is wanted.",
    429: "A limit is reached; the message names its setting.",
    500: "A fault of ours; the log knows more.",
    503: "The database does not take the change at the moment.",
    504: "The batch passed its deadline.",
    507: "No room for the results.",
}
ALWAYS = (400, 401, 404, 405, 500, 503)
WRITING = (403, 429)
TRY_AGAIN = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
ETAG = {
    "ETag": {"description": "Names this state, weakly; send it back in If-None-Match.", "schema": {"type": "string"}}
}


def refusals(*statuses: int) -> Parts:
    """Answers in the one shape of an error."""
    return {
        str(status): {"description": WORDS[status], "content": {"application/json": {"schema": ref("Error")}}}
        | ({"headers": TRY_AGAIN} if status in (429, 503) else {})
        for status in sorted({*ALWAYS, *statuses})
    }


def answers(schema: str | Schema, status: int = 200, *, headers: Parts | None = None) -> Parts:
    """A JSON answer."""
    content = {"application/json": {"schema": ref(schema) if isinstance(schema, str) else schema}}
    return {str(status): {"description": HTTPStatus(status).phrase, "content": content, "headers": headers or {}}}


def asked(name: str, schema: Schema, place: str = "query", **more: Any) -> Parts:
    """One parameter."""
    return {"in": place, "name": name, "schema": schema, "description": schema["description"], "required": False} | more


UNLESS_CHANGED = asked("If-None-Match", field("string", "An ETag: 304 when nothing has changed since."), "header")
NOT_CHANGED = {"304": {"description": "Nothing has changed since.", "headers": ETAG}}
ASYNC = asked(
    "async",
    field("string", "false: answer with the results when they are done.", enum=["true", "false"], default="true"),
)
PREFER = asked(
    "Prefer",
    field("string", "RFC 7240. wait=n: answer with the results if they are done within n seconds. `async` goes first."),
    "header",
    example="wait=5",
)
APPLIED = {"Preference-Applied": {"description": "The preference that was followed.", "schema": {"type": "string"}}}
STARTED_HEADERS = {
    "Location": {"description": "Where the batch is looked at.", "schema": {"type": "string"}, "required": True},
    "Retry-After": TRY_AGAIN["Retry-After"] | {"required": True},
}
STARTS = {
    "parameters": [ASYNC, PREFER],
    "responses": answers("ClassicAnswer", headers=APPLIED)
    | answers("Started", 202, headers=STARTED_HEADERS | APPLIED)
    | refusals(*WRITING, 409, 413, 415, 422, 504, 507),
}

START = STARTS | {"requestBody": START_BODY}
RETRY = STARTS
ESTIMATE = {"requestBody": START_BODY, "responses": answers("Estimate") | refusals(*WRITING, 413, 415, 422)}
SNAPSHOT = {
    "parameters": [UNLESS_CHANGED],
    "responses": answers("Event", headers=ETAG) | NOT_CHANGED | refusals(),
}
MOVE = {"responses": answers("Moved") | refusals(*WRITING)}
DELETE = {"responses": answers("Deleted") | refusals(*WRITING, 409)}
BOUNDS = {
    "in": "query",
    "name": "bounds",
    "style": "form",
    "explode": True,
    "required": False,
    "description": "`min.sharpe=1&max.maxDrawdown=-0.1` or `minSharpe=1`: only rows within these bounds, in the unit of"
    " the metric. A swept parameter can be bounded in the same way, under its own name.",
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            f"{side}.{name}": field("number", f"{words} {name}.")
            for name in METRICS_OF_A_TEST
            for side, words in (("min", "The least"), ("max", "The largest"))
        },
    },
}
SYMBOL = asked("symbol", field("string", "Only this symbol of the batch."))
SORT = asked(
    "sort",
    field("string", "A metric, a swept parameter, `coefficient` or `index`; with a minus, descending."),
    example="-sharpe",
)
PAGE = asked("page", field("integer", "From 1. A download ignores it.", minimum=1, maximum=10**9, default=1))
PAGE_SIZE = asked(
    "pageSize",
    field(
        "integer",
        "Rows a page (RESULTS_MAX_PAGE_SIZE). A download ignores it.",
        minimum=1,
        maximum=settings.RESULTS_MAX_PAGE_SIZE,
        default=50,
    ),
)
RESULTS = {
    "parameters": [
        SORT,
        SYMBOL,
        PAGE,
        PAGE_SIZE,
        BOUNDS,
        UNLESS_CHANGED,
    ],
    "responses": answers("ResultsPage", headers=ETAG) | NOT_CHANGED | refusals(422),
}
HEATMAP = {
    "parameters": [
        asked("x", field("string", "A swept parameter; the first one that is not `y` when left out.")),
        asked("y", field("string", "Another one; the first one that is not `x` when left out.")),
        asked("metric", METRIC_NAME | {"description": "A metric; the batch's own when left out."}),
        SYMBOL,
        asked(
            "aggregate",
            field("string", "How tests in one cell are joined.", enum=["best", "mean", "median"], default="best"),
        ),
        UNLESS_CHANGED,
    ],
    "responses": answers("Heatmap", headers=ETAG) | NOT_CHANGED | refusals(422),
}
COMBINATION = {
    "parameters": [UNLESS_CHANGED],
    "responses": answers("Combination", headers=ETAG) | NOT_CHANGED | refusals(422),
}
STRATEGIES = {"responses": answers("Strategies") | refusals()}
INSTRUMENTS = {"responses": answers("Instruments") | refusals()}
BETA = {
    "parameters": [
        asked("symbol", field("string", "An instrument of /api/instruments."), required=True),
        asked("benchmark", field("string", "Another one; BENCHMARK_SYMBOL when left out.")),
        asked("startDate", field("string", "The first day; all bars when left out.", format="date")),
        asked("endDate", field("string", "The last day, included.", format="date")),
    ],
    "responses": answers("Beta") | refusals(422),
}
IMPORT = {
    "requestBody": PRICES_BODY,
    "responses": answers("Imported") | answers("Imported", 201) | refusals(*WRITING, 413, 415, 422, 507),
}


def download(content_type: str, schema: Schema) -> Parts:
    """All pages in one file, streamed. The format is part of the address, and the order is that of the index."""
    found = {"200": {"description": schema["description"], "content": {content_type: {"schema": schema}}}}
    return {"parameters": [SORT, SYMBOL, PAGE, PAGE_SIZE, BOUNDS], "responses": found | refusals(422)}


CSV = download(
    "text/csv",
    field("string", "One line a test: index, symbol, a column a parameter, beta, coefficient, metrics, error."),
)
PARQUET = download("application/vnd.apache.parquet", field("string", "The same columns as the CSV."))
JSON = download("application/json", ref("AllResults") | {"description": "The rows of all pages."})

# Django answers it by itself: the framework would keep every open stream's request in memory.
STREAM = {
    "get": {
        "operationId": "stream",
        "summary": "The events of a batch as Server-Sent Events",
        "description": "`connected` first, then `progress` at most twice a second, and exactly one `complete` or"
        " `error` at the end. `data` is an Event. The same comes over a websocket at /ws/backtest/batch/{session_id}/.",
        "tags": ["Batches"],
        "parameters": [
            asked("sessionId", field("string", "The batch.", format="uuid"), required=True),
            asked("Last-Event-ID", field("string", "The newest sequence that was seen."), "header"),
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": {"text/event-stream": {"schema": field("string", "Events.")}},
            },
            "204": {"description": "The last event was seen already: do not come back."},
        }
        | refusals(422, 429),
    }
}
