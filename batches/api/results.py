"""The results of a batch: pages, downloads, heatmap, one combination in full."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from batches.api.answers import Index, SessionId, asked, find, unless_known
from batches.api.document import Routes
from batches.api.openapi import operations
from batches.errors import NotFound
from batches.live.follow import read
from batches.models import BatchSession
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.heatmap import heatmap
from batches.results.query import ResultsQuery, default_sort, page
from batches.results.replay import combination

router = Routes()


@router.get("/backtest/batch/{session_id}/results", summary="A page of results", openapi_extra=operations.RESULTS)
def results(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Sorted and filtered on the server."""
    session = find(request, session_id)
    query = ResultsQuery.parse(session, asked(request, others=True))
    return unless_known(request, session, lambda: _page(session, query))


def _page(session: BatchSession, query: ResultsQuery) -> dict[str, Any]:
    shown = page(session, query)
    return _about(session) | {
        "status": session.status,
        "sort": ("-" if query.descending else "") + query.sort,
        "defaultSort": default_sort(session),
        "total": shown.total,
        "page": shown.page,
        "pageSize": shown.page_size,
        "pages": shown.pages,
        "results": shown.rows,
    }


# ---- downloads: the rows of all pages, with the filters and the sort of the pages ------------------------------------

PARTS = {
    "csv": (csv_parts, "text/csv; charset=utf-8"),
    "json": (json_parts, "application/json"),
    "parquet": (parquet_parts, "application/vnd.apache.parquet"),
}


@router.get(
    "/backtest/batch/{session_id}/results.csv", summary="All pages of results as CSV", openapi_extra=operations.CSV
)
def results_csv(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "csv")


@router.get(
    "/backtest/batch/{session_id}/results.json", summary="All pages of results as JSON", openapi_extra=operations.JSON
)
def results_json(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "json")


@router.get(
    "/backtest/batch/{session_id}/results.parquet",
    summary="All pages of results as Parquet",
    openapi_extra=operations.PARQUET,
)
def results_parquet(request: HttpRequest, session_id: SessionId) -> StreamingHttpResponse:
    """Streamed, with the filters and the sort of a page; without any, all rows by index, failed ones too."""
    return _download(request, session_id, "parquet")


def _download(request: HttpRequest, session_id: str, kind: str) -> StreamingHttpResponse:
    session = find(request, session_id)
    query = ResultsQuery.parse(
        session, asked(request, others=True), sort="index"
    )  # refuses what is wrong before it starts
    parts, content_type = PARTS[kind]
    found = parts(session, query) if request.method == "GET" else iter(())
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{session.id}.{kind}"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingHttpResponse(_in_threads(found), content_type=content_type, headers=headers)


async def _in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Made in reader threads, one part at a time: a plain iterator would be collected whole before it is sent."""
    while (part := await read(next, parts, None)) is not None:
        yield part


# ---- what is looked at more closely ----------------------------------------------------------------------------------


@router.get(
    "/backtest/batch/{session_id}/heatmap", summary="Two parameters against a metric", openapi_extra=operations.HEATMAP
)
def heatmap_cells(request: HttpRequest, session_id: SessionId) -> HttpResponse:
    """Also while the batch runs."""
    session = find(request, session_id)
    query = asked(request, "x", "y", "metric", "symbol", "aggregate")
    return unless_known(request, session, lambda: _about(session) | heatmap(session, **query))


@router.get(
    "/backtest/batch/{session_id}/results/{index}",
    summary="One combination in full",
    openapi_extra=operations.COMBINATION,
)
def result(request: HttpRequest, session_id: SessionId, index: Index) -> HttpResponse:
    """Computed again from its index."""
    session = find(request, session_id)
    if not (index.isascii() and index.isdigit() and len(index) < 12):
        raise NotFound("combination")
    return unless_known(request, session, lambda: _about(session) | combination(session, int(index)))


def _about(session: BatchSession) -> dict[str, Any]:
    return {"success": True, "sessionId": str(session.id)}
