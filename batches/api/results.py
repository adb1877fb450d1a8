"""The results of a batch: pages, downloads, heatmap, one combination in full."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from batches.api.answers import Index, SessionId, query_parameters, unless_unchanged, visible_batch
from batches.api.document import Routes, answers, parameters
from batches.api.schemas.results import AllResults, Combination, Heatmap, HeatmapQuery, PageQuery, ResultsPage
from batches.errors import NotFound
from batches.live.reads import read
from batches.models import BatchSession
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.heatmap import heatmap
from batches.results.query import ResultsQuery, default_sort, page
from batches.results.replay import combination
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

router = Routes()
RESULTS = "/backtest/batch/{session_id}/results"
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
            f"{side}.{name}": {"type": "number", "description": f"The {side}imum of {name}."}
            for name in METRICS_BY_WIRE_NAME
            for side in ("min", "max")
        },
    },
}
PAGE_PARAMETERS = [*parameters(PageQuery), BOUNDS]


@router.get(
    RESULTS,
    summary="A page of results",
    response=answers({200: ResultsPage, 304: None}, 422),
    openapi_extra={"parameters": PAGE_PARAMETERS},
)
def results(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Sorted and filtered on the server."""
    session = visible_batch(request, session_id)
    query = ResultsQuery.parse(session, query_parameters(request, allow_others=True))
    return unless_unchanged(request, session, lambda: _page(session, query))


def _page(session: BatchSession, query: ResultsQuery) -> dict[str, Any]:
    rows = page(session, query)
    return _head(session) | {
        "status": session.status,
        "sort": ("-" if query.descending else "") + query.sort,
        "defaultSort": default_sort(session),
        "total": rows.total,
        "page": rows.page,
        "pageSize": rows.page_size,
        "pages": rows.pages,
        "results": rows.rows,
    }


# ---- downloads: the rows of all pages, with the filters and the sort of the pages ------------------------------------

PARTS = {
    "csv": (csv_parts, "text/csv; charset=utf-8"),
    "json": (json_parts, "application/json"),
    "parquet": (parquet_parts, "application/vnd.apache.parquet"),
}


def _download_route(kind: str, summary: str, description: str) -> Any:
    """Return the decorator of a download; the document shows JSON by its schema, other files as text."""
    options: dict[str, Any] = {"parameters": PAGE_PARAMETERS}
    if kind != "json":
        file = {"type": "string", "description": description}
        content = {PARTS[kind][1].partition(";")[0]: {"schema": file}}
        options["responses"] = {200: {"description": description, "content": content}}
    response = answers({200: AllResults if kind == "json" else None}, 422)
    return router.get(f"{RESULTS}.{kind}", summary=summary, response=response, openapi_extra=options)


@_download_route(
    "csv",
    "All pages of results as CSV",
    "One line a test: index, symbol, a column a parameter, beta, coefficient, metrics, error.",
)
def results_csv(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "csv")


@_download_route("json", "All pages of results as JSON", "The rows of all pages.")
def results_json(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "json")


@_download_route("parquet", "All pages of results as Parquet", "The same columns as the CSV.")
def results_parquet(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "parquet")


def _download(request: HttpRequest, session_id: str, kind: str) -> StreamingHttpResponse:
    session = visible_batch(request, session_id)
    # Parsed here and not in the stream, so that a bad query is refused before the download starts.
    query = ResultsQuery.parse(session, query_parameters(request, allow_others=True), sort="index")
    make_parts, content_type = PARTS[kind]
    parts = make_parts(session, query) if request.method == "GET" else iter(())
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{session.id}.{kind}"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingHttpResponse(_in_threads(parts), content_type=content_type, headers=headers)


async def _in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make one part at a time in a reader thread: Django would collect a plain iterator before sending it."""
    while (part := await read(next, parts, None)) is not None:
        yield part


# ---- closer looks ----------------------------------------------------------------------------------------------------


@router.get(
    "/backtest/batch/{session_id}/heatmap",
    summary="Two parameters against a metric",
    response=answers({200: Heatmap, 304: None}, 422),
    openapi_extra={"parameters": parameters(HeatmapQuery)},
)
def heatmap_cells(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Also while the batch runs."""
    session = visible_batch(request, session_id)
    query = query_parameters(request, HeatmapQuery.__annotations__)
    return unless_unchanged(request, session, lambda: _head(session) | heatmap(session, **query))


@router.get(
    f"{RESULTS}/{{index}}",
    summary="One combination in full",
    response=answers({200: Combination, 304: None}, 422),
)
def result(request: HttpRequest, session_id: SessionId, index: Index) -> HttpResponse:
    """Computed again from its index."""
    session = visible_batch(request, session_id)
    if not (index.isascii() and index.isdigit() and len(index) < 12):
        raise NotFound("combination")
    return unless_unchanged(request, session, lambda: _head(session) | combination(session, int(index)))


def _head(session: BatchSession) -> dict[str, Any]:
    return {"success": True, "sessionId": str(session.id)}
