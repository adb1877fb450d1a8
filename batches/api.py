"""The HTTP API of the contract: each route parses, calls one function, answers."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, BinaryIO, cast

import orjson
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import ValidationError

from batches import lifecycle, retrying, storage, submission
from batches.bodies import json_body
from batches.catalogue import catalogue, instrument_entry
from batches.detail import combination
from batches.errors import BatchError, Detail, InvalidRequest, NotFound
from batches.exports import csv_lines, parquet_parts
from batches.heatmap import heatmap
from batches.live import follow, read
from batches.market_data import instruments
from batches.models import BatchSession
from batches.openapi import PRICES_BODY, START_BODY
from batches.price_import import read_prices, store_prices
from batches.progress import newest_event
from batches.results_page import ResultsQuery, default_sort, page
from batches.schemas import parse_start

api = NinjaAPI(title="Backtester", version="1", docs_url="/docs", urls_namespace="api")
CLASSIC_FAILURES = {"TIMEOUT": 504, "CANCELLED": 409}


@api.exception_handler(BatchError)
def refuse(request: HttpRequest, error: BatchError) -> HttpResponse:
    """The one error shape."""
    return answer(error.as_json(), error.status)


@api.exception_handler(OperationalError)
def refuse_for_now(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """No room, or the database is busy."""
    return refuse(request, storage.refusal(error))


@api.exception_handler(ValidationError)
def refuse_arguments(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Arguments that the framework checked, in the same shape."""
    details = tuple(Detail(str(item["loc"][-1]), f"{item['loc'][-1]}: {item['msg']}.") for item in error.errors)
    return answer(InvalidRequest(*details).as_json(), 422)


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


# ---- starting --------------------------------------------------------------------------------------------------------


@api.post("/backtest/batch", summary="Start a batch", openapi_extra=START_BODY)
async def start(request: HttpRequest) -> HttpResponse:
    """202 at once; with `?async=false` 200 with the results when they are done."""
    wait = _is_classic(request)
    session = await sync_to_async(_submit, thread_sensitive=False)(request)
    return await _classic_answer(session) if wait else started(session)


def _submit(request: HttpRequest) -> BatchSession:
    try:
        return submission.submit(parse_start(json_body(request)), now=timezone.now())
    finally:
        close_old_connections()  # this thread is not the request's own, whose connection Django looks after


def _is_classic(request: HttpRequest) -> bool:
    given = request.GET.get("async", "true").lower()
    if given not in {"true", "false"}:
        raise InvalidRequest(Detail("async", f"async is {given[:40]!r}; true or false is wanted."))
    return given == "false"


def started(session: BatchSession) -> HttpResponse:
    """The answer to a start, with the addresses to watch."""
    stream = f"/api/backtest/batch/stream?sessionId={session.id}"
    response = answer(
        {
            "success": True,
            "sessionId": str(session.id),
            "message": f"Batch processing started. Connect to {stream}",
            "total": session.total,
            "streamUrl": stream,
            "websocketUrl": f"/ws/backtest/batch/{session.id}/",
            "pageUrl": reverse("batches:detail", args=[session.id]),
        },
        202,
    )
    response["Location"] = f"/api/backtest/batch/{session.id}"
    response["Retry-After"] = "1"
    return response


async def _classic_answer(session: BatchSession) -> HttpResponse:
    """Wait for the terminal event, as the old clients do."""
    last: dict[str, Any] = {}
    async for event in follow(session.id):
        if event is not None and event.is_terminal:
            last = orjson.loads(event.text)
    if last["type"] == "error":
        status = CLASSIC_FAILURES.get(last["code"], 500)
        raise BatchError(last["error"], code=last["code"], status=status)
    milliseconds = round(last["elapsedTime"] * 1000)
    return answer(
        {"success": True, "sessionId": str(session.id), "executionTimeMs": milliseconds, "data": last["results"]}
    )


@api.post("/backtest/batch/estimate", summary="Count and estimate; store nothing", openapi_extra=START_BODY)
def estimate(request: HttpRequest) -> HttpResponse:
    """The exact count after constraints, and what it would cost."""
    found = submission.estimate(parse_start(json_body(request)))
    return answer(
        {
            "success": True,
            "total": found.total,
            "excluded": found.excluded,
            "estimatedSeconds": found.seconds,
            "estimatedBytes": found.bytes,
        }
    )


# ---- one batch -------------------------------------------------------------------------------------------------------


@api.get("/backtest/batch/{session_id}", summary="The newest event, for polling clients")
def snapshot(request: HttpRequest, session_id: str) -> HttpResponse:
    """The same object that the streams send."""
    return answer(newest_event(find(session_id), timezone.now()))


@api.delete("/backtest/batch/{session_id}", summary="Remove an ended batch and its results")
def delete(request: HttpRequest, session_id: str) -> HttpResponse:
    """409 while it is active."""
    session = find(session_id)
    lifecycle.delete(session.id)
    return answer({"success": True, "sessionId": str(session.id)})


@api.post("/backtest/batch/{session_id}/cancel", summary="Stop; what is finished stays")
def cancel(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.cancel)


@api.post("/backtest/batch/{session_id}/pause", summary="Pause; the deadline stands still")
def pause(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.pause)


@api.post("/backtest/batch/{session_id}/resume", summary="Go on after a pause")
def resume(request: HttpRequest, session_id: str) -> HttpResponse:
    """Idempotent."""
    return _moved(session_id, lifecycle.resume)


@api.post("/backtest/batch/{session_id}/retry", summary="Run the failed and the missing tests again")
def retry(request: HttpRequest, session_id: str) -> HttpResponse:
    """Answers like a start, with the new session."""
    return started(retrying.retry(find(session_id), now=timezone.now()))


def _moved(session_id: str, move: Any) -> HttpResponse:
    session = find(session_id)
    changed = move(session.id, timezone.now())
    session.refresh_from_db(fields=["status"])
    return answer({"success": True, "sessionId": str(session.id), "status": session.status, "changed": changed})


# ---- results ---------------------------------------------------------------------------------------------------------


@api.get("/backtest/batch/{session_id}/results", summary="A page of results")
def results(request: HttpRequest, session_id: str) -> HttpResponse:
    """Sorted and filtered on the server."""
    session = find(session_id)
    query = ResultsQuery.parse(session, request.GET.dict())
    shown = page(session, query)
    return answer(
        {
            "success": True,
            "sessionId": str(session.id),
            "status": session.status,
            "sort": ("-" if query.descending else "") + query.sort,
            "defaultSort": default_sort(session),
            "total": shown.total,
            "page": shown.page,
            "pageSize": shown.page_size,
            "pages": shown.pages,
            "results": shown.rows,
        }
    )


@api.get("/backtest/batch/{session_id}/results.csv", summary="All rows as CSV")
def results_csv(request: HttpRequest, session_id: str) -> StreamingHttpResponse:
    """Streamed; failed tests too, with their error."""
    session = find(session_id)
    return _download(csv_lines(session), "text/csv; charset=utf-8", f"batch-{session.id}.csv")


@api.get("/backtest/batch/{session_id}/results.parquet", summary="All rows as Parquet")
def results_parquet(request: HttpRequest, session_id: str) -> StreamingHttpResponse:
    """Streamed; failed tests too, with their error."""
    session = find(session_id)
    return _download(parquet_parts(session), "application/vnd.apache.parquet", f"batch-{session.id}.parquet")


def _download(parts: Iterator[Any], content_type: str, name: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(_in_threads(parts), content_type=content_type, headers=headers)


async def _in_threads(parts: Iterator[Any]) -> AsyncIterator[Any]:
    """Made in reader threads, one part at a time: a plain iterator would be collected whole before it is sent."""
    while (part := await read(next, parts, None)) is not None:
        yield part


@api.get("/backtest/batch/{session_id}/heatmap", summary="Two parameters against a metric")
def heatmap_cells(
    request: HttpRequest,
    session_id: str,
    x: str = "",
    y: str = "",
    metric: str = "",
    symbol: str = "",
    aggregate: str = "",
) -> HttpResponse:
    """Also while the batch runs."""
    session = find(session_id)
    cells = heatmap(session, x=x, y=y, metric=metric, symbol=symbol.upper(), aggregate=aggregate)
    return answer({"success": True, "sessionId": str(session.id)} | cells)


@api.get("/backtest/batch/{session_id}/results/{index}", summary="One combination in full")
def result(request: HttpRequest, session_id: str, index: str) -> HttpResponse:
    """Computed again from its index."""
    session = find(session_id)
    if not (index.isascii() and index.isdigit() and len(index) < 12):
        raise NotFound("combination")
    return answer({"success": True, "sessionId": str(session.id)} | combination(session, int(index)))


# ---- what can be swept, over what ------------------------------------------------------------------------------------


@api.get("/strategies", summary="Strategies with their parameters, and the metrics")
def strategies(request: HttpRequest) -> HttpResponse:
    """Everything that a form needs."""
    return answer({"success": True} | catalogue())


@api.get("/instruments", summary="Instruments with prices")
def list_instruments(request: HttpRequest) -> HttpResponse:
    """Symbol, dates, kind of bars, beta."""
    return answer({"success": True, "instruments": [instrument_entry(found) for found in instruments()]})


@api.post("/instruments", summary="Load prices from a CSV or Parquet file", openapi_extra=PRICES_BODY)
def load_instruments(request: HttpRequest) -> HttpResponse:
    """A multipart form with `file`, and `source` in words. All of the file is stored, or nothing."""
    upload = request.FILES.get("file")
    if upload is None or upload.file is None:
        raise InvalidRequest(Detail("file", "file is missing; a CSV or Parquet file in a multipart form is wanted."))
    if (upload.size or 0) > settings.PRICES_MAX_BYTES:
        words = f"file has {upload.size:,} bytes; at most {settings.PRICES_MAX_BYTES:,} are read (PRICES_MAX_BYTES)."
        raise BatchError(words, code="BODY_TOO_LARGE", status=413, details=(Detail("file", words),))
    name = str(upload.name)[:100]
    report = store_prices(
        read_prices(cast(BinaryIO, upload.file), name=name), source=request.POST.get("source", "") or name
    )
    found = [instrument_entry(each) for each in instruments([*report.added, *report.updated, *report.unchanged])]
    names = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged}
    return answer({"success": True, **names, "instruments": found}, 201 if report.added else 200)
