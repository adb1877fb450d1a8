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

DOWNLOADS = {
    "csv": (
        csv_parts,
        "text/csv; charset=utf-8",
        "One line per test: index, symbol, a column per parameter, beta, coefficient, metrics, error.",
    ),
    "json": (json_parts, "application/json", "The rows of all pages."),
    "parquet": (parquet_parts, "application/vnd.apache.parquet", "The same columns as the CSV."),
}


def _add_download(kind: str) -> None:
    make_parts, content_type, description = DOWNLOADS[kind]

    def download(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
        """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
        session = visible_batch(request, session_id)
        # Parsed here and not in the stream, so that a bad query is refused before the download starts.
        query = ResultsQuery.parse(session, query_parameters(request, allow_others=True), sort="index")
        parts = make_parts(session, query) if request.method == "GET" else iter(())
        headers = {
            "Content-Disposition": f'attachment; filename="batch-{session.id}.{kind}"',
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingHttpResponse(_in_threads(parts), content_type=content_type, headers=headers)

    file = {"schema": {"type": "string", "description": description}}
    content = {} if kind == "json" else {content_type.partition(";")[0]: file}
    download.__name__ = f"results_{kind}"  # Ninja makes the operation id and the name of the URL of it
    router.get(
        f"{RESULTS}.{kind}",
        summary=f"All pages of results as {kind}",
        response=answers({200: AllResults if kind == "json" else None}, 422),
        openapi_extra={
            "parameters": PAGE_PARAMETERS,
            "responses": {200: {"description": description, "content": content}},
        },
    )(download)


for kind in DOWNLOADS:
    _add_download(kind)


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
