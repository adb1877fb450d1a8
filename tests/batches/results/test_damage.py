"""Blocks of results that a disk has damaged: their tests are unreadable, everything else works."""

import io

import numpy as np
import pandas as pd
import pytest
from django.utils import timezone

from backtester.client.files import read_parquet
from batches.errors import Conflict
from batches.models import ResultChunk
from batches.results import damage
from batches.results.columns import columns_of
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.query import ResultsQuery
from batches.running.retrying import retry
from tests.support import jobs


def flipped(block):
    return block[:100] + bytes([block[100] ^ 1]) + block[101:]


DAMAGES = {
    "short": lambda block: block[:101],
    "a row short": lambda block: block[: -len(block) // 19],
    "empty": lambda _: b"",
    "missing": lambda _: None,
    "a flipped bit": flipped,
}


@pytest.fixture(params=DAMAGES)
def damaged(finished, request):
    """A batch of which one chunk is damaged: (session, chunk, its block)."""
    chunk = finished.chunks.filter(failures=[]).order_by("start")[1]
    block = bytes(chunk.block)
    ResultChunk.objects.filter(pk=chunk.pk).update(block=DAMAGES[request.param](block))
    return finished, chunk, block


def errors_of(rows, chunk):
    """The reasons of the tests of the chunk, and of the others."""
    inside = [row.get("error") for row in rows if chunk.start <= row["index"] < chunk.stop]
    return inside, {row.get("error") for row in rows if not chunk.start <= row["index"] < chunk.stop}


def test_tests_of_a_damaged_block_are_unreadable_and_the_others_are_shown(damaged, client):
    session, chunk, _ = damaged
    url = f"/api/backtest/batch/{session.pk}"
    whole, _ = jobs.computed(session)
    for order in ("index", "-sharpe"):
        body = client.get(f"{url}/results", {"sort": order}).json()
        inside, outside = errors_of(body["results"], chunk)
        assert inside == [damage.REASON] * (chunk.stop - chunk.start)
        assert damage.REASON not in outside
        assert body["total"] == session.total
    values = columns_of(session).metric("sharpe")
    expected = whole[3].copy()
    expected[chunk.start : chunk.stop] = np.nan
    np.testing.assert_array_equal(values, expected)
    for part in ("", "/heatmap", "/results?sort=-calmar&min.sharpe=-5"):
        assert client.get(f"{url}{part}").status_code == 200
    assert client.get(f"{url}").json()["type"] == "complete"
    assert client.get(f"{url}/results/{chunk.start}").status_code in {200, 404}
    page = client.get(f"/batches/{session.pk}/")
    assert page.status_code == 200
    assert f"results of {chunk.stop - chunk.start} tests are damaged" in page.content.decode()
    retried = client.post(f"/batches/{session.pk}/retry")
    assert retried.status_code == 302
    assert retried["Location"] != f"/batches/{session.pk}/"


@pytest.mark.parametrize("order", ["index", "-sharpe"])
def test_exports_hold_the_reason_in_place_of_damaged_results(damaged, order):
    session, chunk, _ = damaged
    query = ResultsQuery.parse(session, {"sort": order})
    tables = [
        pd.read_csv(io.BytesIO(b"".join(csv_parts(session, query)))),
        read_parquet(b"".join(parquet_parts(session, query))),
        pd.DataFrame(pd.read_json(io.BytesIO(b"".join(json_parts(session, query))))["results"].tolist()),
    ]
    for table in tables:
        table = table.set_index("index").sort_index()
        assert len(table) == session.total
        unreadable = table[table["error"] == damage.REASON]
        assert unreadable.index.tolist() == list(range(chunk.start, chunk.stop))
        assert unreadable["sharpe"].isna().all()


def test_a_retry_runs_damaged_tests_again(damaged):
    session, chunk, _ = damaged
    again = retry(session, now=timezone.now())
    assert again.total - again.current == (chunk.stop - chunk.start) + session.failed
    again = jobs.finish(again)
    assert again.failed == session.failed
    whole, _ = jobs.computed(session)
    np.testing.assert_array_equal(jobs.stored(again), whole)
    assert damage.damaged_chunks(again) == {}


def test_a_batch_without_failures_can_be_retried_when_it_is_damaged(start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"])))
    assert session.successful == session.total
    with pytest.raises(Conflict):
        retry(session, now=timezone.now())
    chunk = session.chunks.first()
    ResultChunk.objects.filter(pk=chunk.pk).update(block=flipped(bytes(chunk.block)))
    assert retry(session, now=timezone.now()).total == session.total


def test_blocks_of_an_older_version_are_checked_by_size(damaged):
    session, chunk, _ = damaged
    ResultChunk.objects.filter(pk=chunk.pk).update(crc32=None)
    chunk.refresh_from_db()
    has_whole_rows = bool(chunk.block) and len(chunk.block) % (8 * (chunk.stop - chunk.start)) == 0
    assert (damage.damaged_chunks(session) == {}) == has_whole_rows


def test_large_batches_are_checked_once_by_each_process(finished, monkeypatch):
    monkeypatch.setattr(damage, "SMALL_BYTES", 0)
    checked = []
    monkeypatch.setattr(damage, "checksum", lambda block: checked.append(block) or damage.zlib.crc32(block))
    for _ in range(2):
        assert damage.damaged_chunks(finished) == {}
    assert len(checked) == finished.chunks.count()


def test_a_batch_ends_although_a_block_was_damaged_meanwhile(halfway):
    chunk = halfway.chunks.filter(status="done").first()
    ResultChunk.objects.filter(pk=chunk.pk).update(block=b"")
    session = jobs.finish(halfway)
    assert session.status == "complete"
    assert session.results["results"]
