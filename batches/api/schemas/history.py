"""The list of batches and the change of a title."""

from typing import Annotated, Any

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import Moment, Success, object_schema, request_body
from batches.api.schemas.verdict import ShortVerdict
from batches.history import MAX_PAGE, MAX_SEARCH, NEWEST, SORTS, STATUSES
from batches.models import MAX_TAG, MAX_TITLE
from batches.sweep.wire_types import Count, MetricName, Row, Seconds, SessionId, StatusName, Symbol, doc
from batches.validators import MAX_TAGS

Title = Annotated[str, doc("The title; by default strategy, ranges and symbols.")]
Tags = Annotated[list[str], doc("Its tags.")]


class BatchEntry(TypedDict):
    """One batch of the list."""

    sessionId: SessionId
    title: Title
    tags: Tags
    status: StatusName
    strategy: Annotated[str, doc("A name of /api/strategies.")]
    symbols: Annotated[list[Symbol], doc("The first 20 symbols.")]
    symbolCount: Annotated[Count, doc("How many symbols it has.")]
    sortBy: MetricName
    current: Annotated[Count, doc("Tests done.")]
    total: Annotated[Count, doc("Tests in all.")]
    percentage: Annotated[float, doc("Percent done; 100 only when all tests are.", ge=0, le=100)]
    successfulTests: Annotated[Count, doc("Tests with a result.")]
    failedTests: Annotated[Count, doc("Tests without one.")]
    bestSoFar: Annotated[Row | None, doc("The best row so far, by the batch's own metric.")]
    verdict: Annotated[ShortVerdict | None, doc("Is the best of it luck? Null until the verdict is ready.")]
    createdAt: Annotated[Moment, doc("When it was requested.")]
    startedAt: Annotated[Moment | None, doc("When a worker began.")]
    endedAt: Annotated[Moment | None, doc("When it ended.")]
    elapsedTime: Annotated[Seconds, doc("Seconds since the request, pauses left out.")]
    retryOf: Annotated[SessionId | None, doc("The batch that it continues.")]
    pageUrl: Annotated[str, doc("Address of the batch's page.")]


class Batches(TypedDict):
    """A page of the list."""

    success: Success
    batches: Annotated[list[BatchEntry], doc("The batches.")]
    sort: Annotated[str, doc("What they are sorted by; with a minus, descending.")]
    total: Annotated[Count, doc("Batches that pass the filters; a search stops after 1,000.")]
    page: Annotated[int, doc("Number of the page, from 1.", ge=1)]
    pageSize: Annotated[int, doc("Batches per page.", ge=1)]
    pages: Annotated[int, doc("Pages in all.", ge=1)]


class Renamed(TypedDict):
    """What the batch is called now."""

    success: Success
    sessionId: SessionId
    title: Title
    tags: Tags


def _or_empty(schema: dict[str, Any]) -> WithJsonSchema:
    """An empty value counts as left out."""
    return WithJsonSchema({"anyOf": [schema, {"type": "string", "maxLength": 0}]})


_DAY = _or_empty({"type": "string", "format": "date"})
BatchesQuery = TypedDict(
    "BatchesQuery",
    {
        "search": Annotated[
            str,
            doc(
                "Words that title, tags, strategy, symbols, notes or id contain; also `2026-11-29`, `2026-11`, `today`"
                " and `yesterday`, the day of the start.",
                max_length=MAX_SEARCH,
            ),
        ],
        "tag": Annotated[str, doc("Only batches with this tag, in any case.", max_length=MAX_TAG)],
        "from": Annotated[str, doc("The first day of the start, in UTC."), _DAY],
        "to": Annotated[str, doc("The last day of the start, in UTC, included."), _DAY],
        "status": Annotated[
            str,
            doc("A status; `active` is queued, running or paused, `failed` is error."),
            _or_empty({"type": "string", "enum": list(STATUSES)}),
        ],
        "sort": Annotated[
            str,
            doc(f"With a minus, descending; {NEWEST} when left out."),
            _or_empty({"type": "string", "enum": [sign + name for name in SORTS for sign in ("", "-")]}),
        ],
        "page": Annotated[int, doc("From 1."), _or_empty({"type": "integer", "minimum": 1, "maximum": MAX_PAGE})],
    },
    total=False,
)
_PROPERTIES: dict[str, Any] = {
    "title": {
        "type": ["string", "null"],
        "maxLength": MAX_TITLE,
        "description": "One line; empty or null restores the default.",
    },
    "tags": {
        "type": ["array", "null"],
        "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG},
        "maxItems": MAX_TAGS,
        "description": "All tags, without commas; an empty list or null removes them.",
    },
}
RENAME_BODY = request_body(
    object_schema(_PROPERTIES, minProperties=1),
    example={"title": "Crosses, long history only", "tags": ["crosses", "keep"]},
)
