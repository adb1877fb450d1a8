"""The results of a batch: pages, downloads, heatmap, one combination in full."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from batches.api.answers import Index, SessionId, query_parameters, unless_unchanged, visible_batch
from batches.api.document import Routes, answers, parameters
from batches.api.schemas.results import (
    AllResults,
    Combination,
    Heatmap,
    HeatmapQuery,
    PageQuery,
    RangeQuery,
    ResultsPage,
)
from batches.errors import Busy, NotFound
from batches.live.reads import Readers
from batches.models import BatchSession
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.heatmap import heatmap
from batches.results.holding import SORTABLE
from batches.results.judged import ShortVerdict, short_verdict
from batches.results.query import BOUND, ResultsQuery, default_sort, page
from batches.results.replay import combination
from batches.results.windows import FIELDS as WINDOW_FIELDS
from batches.results.windows import Window
from batches.sweep.wire_names import JUDGED
from batches.validators import digits

router = Routes()
MAX_DOWNLOADS = 50  # open at the same time; each holds the order of its rows
downloads = Readers(2, "download")
# A map of many cells is the largest response that is not a download. It holds no secret that its length could reveal.
compressing = GZipMiddleware(lambda request: HttpResponse())
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
            for name in (*SORTABLE, *JUDGED)
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
        if len(open_downloads) >= MAX_DOWNLOADS:
            raise Busy(f"{MAX_DOWNLOADS} downloads are open already. Try again later.")
        headers = verdict_header(short_verdict(session)) | {
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


def verdict_header(verdict: ShortVerdict | None) -> dict[str, str]:
    """Return the verdict as a header, for formats without metadata: `holds_up; sentence*=UTF-8''Holds%20up`."""
    text = verdict and f"{verdict['state']}; sentence*=UTF-8''{quote(verdict['sentence'], safe='')}"
    return {"X-Verdict": text} if text else {}


open_downloads: set[Iterator[bytes]] = set()


async def _in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make one part at a time in a thread: Django would collect a plain iterator before sending it."""
    open_downloads.add(parts)
    step = None
    try:
        while True:
            step = asyncio.ensure_future(downloads.read(next, parts, None))
            part = await asyncio.shield(step)
            if part is None:
                return
            yield part
    finally:
        await asyncio.shield(_close(parts, step))


async def _close(parts: Iterator[bytes], step: asyncio.Future[bytes | None] | None) -> None:
    """Free what a download holds, after the step that still runs in a thread.

    An abandoned request is garbage in cycles, and would keep the order of a million tests until the next collection.
    """
    try:
        if step:
            await asyncio.wait({step})
        if isinstance(parts, Generator):
            parts.close()
    finally:
        open_downloads.discard(parts)


# ---- heatmap and one combination -------------------------------------------------------------------------------------


@router.get(
    "/backtest/batch/{session_id}/heatmap",
    summary="Two parameters against a metric",
    response=answers({200: Heatmap, 304: None}, 422),
    openapi_extra={"parameters": [*parameters(HeatmapQuery), BOUNDS]},
)
def heatmap_cells(request: HttpRequest, session_id: SessionId) -> HttpResponseBase:
    """Also while the batch runs."""
    session = visible_batch(request, session_id)
    bounds = [name for name in request.GET if BOUND.fullmatch(name)]
    query = query_parameters(request, [*HeatmapQuery.__annotations__, *bounds])
    response = unless_unchanged(request, session, lambda: _head(session) | heatmap(session, **query))
    return compressing.process_response(request, response)


@router.get(
    f"{RESULTS}/{{index}}",
    summary="One combination in full",
    response=answers({200: Combination, 304: None}, 410, 422),
    openapi_extra={"parameters": parameters(RangeQuery)},
)
def result(request: HttpRequest, session_id: SessionId, index: Index) -> HttpResponse:
    """Computed again from its index. Bars within a day are thinned, unless `points` suffices for all."""
    session = visible_batch(request, session_id)
    window = Window.parse(query_parameters(request, WINDOW_FIELDS))
    number = digits(index)
    if number is None:
        raise NotFound("combination")
    return unless_unchanged(request, session, lambda: _head(session) | combination(session, number, window))


def _head(session: BatchSession) -> dict[str, Any]:
    return {"success": True, "sessionId": str(session.id)}
