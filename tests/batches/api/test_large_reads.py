"""Which requests read the columns of large batches, and how many downloads may be open."""

import asyncio
import threading
import uuid
import weakref

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from backtester.web import concurrency
from backtester.web.concurrency import reads_large_columns
from batches.api import results
from tests.support import jobs
from tests.support.watchers import wait_for


@pytest.fixture
def large(finished, monkeypatch):
    monkeypatch.setattr(concurrency, "LARGE", finished.total - 1)
    concurrency.totals.clear()
    return finished


def scope(path, query="", **headers):
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": path, "query_string": query.encode(), "headers": pairs}


PATHS = [
    ("/api/backtest/batch/{}/results", True), ("/api/backtest/batch/{}/results.csv", True),
    ("/api/backtest/batch/{}/heatmap", True), ("/batches/{}/", True), ("/batches/{}/parallel/", True),
    ("/batches/{}/heatmap/", True), ("/batches/{}/spread/", True), ("/batches/{}/results/1/", True),
    ("/api/backtest/batch/{}", False), ("/api/backtest/batch/{}/cancel", False), ("/batches/{}/notes/", False),
    ("/batches/", False), ("/", False),
]  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "is_large"), PATHS)
async def test_what_reads_the_columns_of_a_large_batch_is_limited(large, path, is_large):
    assert await reads_large_columns(scope(path.format(large.pk))) == is_large
    assert not await reads_large_columns(scope(path.format(uuid.uuid4()))), "an unknown batch is not large"


@pytest.mark.django_db(transaction=True)
async def test_a_comparison_is_as_large_as_its_batches_together(large, start, monkeypatch):
    other = await sync_to_async(jobs.submit)(start())
    monkeypatch.setattr(concurrency, "LARGE", large.total)
    assert not await reads_large_columns(scope("/batches/compare/", f"batch={large.pk}"))
    assert await reads_large_columns(scope("/batches/compare/", f"batch={large.pk}&batch={other.pk}"))


@pytest.mark.django_db(transaction=True)
async def test_a_client_without_an_account_takes_no_turn(large, settings):
    settings.ACCESS_MODE = "team"
    path = f"/batches/{large.pk}/"
    assert not await reads_large_columns(scope(path))
    assert await reads_large_columns(scope(path, cookie="sessionid=x"))


@pytest.mark.django_db(transaction=True)
async def test_only_so_many_downloads_are_open_and_one_that_ends_makes_room(finished, monkeypatch):
    monkeypatch.setattr(results, "MAX_DOWNLOADS", 1)
    url = f"/api/backtest/batch/{finished.pk}/results.csv"
    first = await AsyncClient().get(url)
    parts = aiter(first)
    await anext(parts)
    refused = await AsyncClient().get(url)
    assert (refused.status_code, refused.json()["code"]) == (503, "BUSY")
    assert refused["Retry-After"]
    assert len([part async for part in parts]) > 0
    assert (await AsyncClient().get(url)).status_code == 200


class Rows:
    """What a download keeps between two parts."""


def endless(kept, may_continue):
    rows = Rows()
    kept.append(weakref.ref(rows))
    while True:
        may_continue.wait(10)
        yield b"row"


async def test_an_abandoned_download_frees_its_rows_though_its_request_is_garbage():
    kept, may_continue = [], threading.Event()
    may_continue.set()
    garbage = endless(kept, may_continue)
    parts = results._in_threads(garbage)
    await anext(parts)
    assert kept[0]()
    await parts.aclose()
    assert kept[0]() is None
    assert garbage not in results.open_downloads


async def test_a_download_that_is_cancelled_while_it_reads_is_freed_after_the_step():
    kept, may_continue = [], threading.Event()
    garbage = endless(kept, may_continue)
    request = asyncio.create_task(anext(results._in_threads(garbage)))
    await wait_for(lambda: kept)
    request.cancel()
    await asyncio.wait({request}, timeout=0.05)
    assert garbage in results.open_downloads, "a thread still reads for it"
    may_continue.set()
    await wait_for(lambda: garbage not in results.open_downloads)
    assert kept[0]() is None
    with pytest.raises(asyncio.CancelledError):
        await request
