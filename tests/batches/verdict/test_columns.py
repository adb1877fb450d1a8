"""The columns that the verdict adds: null before it, then sorted, filtered and exported like metrics."""

import gc
import io
import time
import weakref

import numpy as np
import pandas as pd
import pytest
from django.utils import timezone

from backtester.client.files import read_parquet
from batches.results import array_cache
from batches.results.exports import csv_parts, parquet_parts
from batches.results.query import ResultsQuery
from batches.sweep.wire_names import JUDGED
from batches.verdict import jobs as verdict_jobs
from batches.verdict.options import Options
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.batches.verdict.test_verdict import returns_matrix
from tests.engine.statistics.test_plateau import slow

pytestmark = pytest.mark.usefixtures("queued", "published")
NAMES = ("outOfSampleReturn", "outOfSampleSharpe", "neighbourMedian")


@pytest.fixture
def ended(sweep):
    store_prices("WALK", walk(11))
    return sweep(["WALK"])


def rows(client, session, query=""):
    answer = client.get(f"/api/backtest/batch/{session.id}/results?pageSize=100{query}").json()
    return answer["results"]


def table(session, kind, sort="index"):
    session.refresh_from_db()
    query = ResultsQuery.parse(session, {"sort": sort})
    content = b"".join((csv_parts if kind == "csv" else parquet_parts)(session, query))
    return pd.read_csv(io.BytesIO(content)) if kind == "csv" else read_parquet(content)


def test_before_the_verdict_they_are_null(client, ended):
    assert all(row[name] is None for row in rows(client, ended) for name in NAMES)
    assert table(ended, "csv")[list(NAMES)].isna().all(axis=None)
    assert len(rows(client, ended, "&min.outOfSampleSharpe=-9")) == 0
    assert len(rows(client, ended, "&sort=-neighbourMedian")) == 20


def test_they_are_what_replays_and_the_grid_give(client, ended):
    judge(ended)
    by_index = sorted(rows(client, ended), key=lambda row: row["index"])
    late = returns_matrix(ended)[int(0.7 * 1299) :]
    assert [row["outOfSampleReturn"] for row in by_index] == pytest.approx((np.prod(1 + late, axis=0) - 1).tolist())
    sharpes = late.mean(axis=0) / late.std(axis=0, ddof=1) * np.sqrt(252)
    assert [row["outOfSampleSharpe"] for row in by_index] == pytest.approx(sharpes.tolist(), rel=1e-9)
    cells = np.indices((5, 4)).reshape(2, -1)
    medians = slow(np.array([row["sharpe"] for row in by_index]), cells, (5, 4))
    assert [row["neighbourMedian"] for row in by_index] == pytest.approx(medians.tolist(), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_they_sort_and_filter(client, ended, name):
    judge(ended)
    down = [row[name] for row in rows(client, ended, f"&sort=-{name}")]
    assert down == sorted(down, reverse=True)
    assert [row[name] for row in rows(client, ended, f"&sort={name}")] == sorted(down)
    middle = down[10]
    assert [row[name] for row in rows(client, ended, f"&sort=-{name}&min.{name}={middle}")] == down[:11]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("sort", ["index", "-outOfSampleSharpe"])
def test_they_are_exported(client, ended, kind, sort):
    judge(ended)
    exported = table(ended, kind, sort).set_index("index")
    for row in rows(client, ended):
        assert exported.loc[row["index"], list(NAMES)].tolist() == pytest.approx([row[name] for name in NAMES])
    if sort != "index":
        assert exported["outOfSampleSharpe"].is_monotonic_decreasing


def test_the_page_offers_them_as_columns(client, ended):
    judge(ended)
    page = client.get(f"/batches/{ended.id}/?show=outOfSampleReturn&show=neighbourMedian&sort=-neighbourMedian")
    text = page.content.decode()
    for label in ("Return out of sample", "Median of neighbors", "Sharpe out of sample"):
        assert label in text


@pytest.mark.parametrize("name", NAMES)
def test_the_heatmap_shows_them(client, ended, name):
    address, option = f"/batches/{ended.id}/heatmap/?metric={name}", f'<option value="{name}" selected>'
    assert option not in client.get(address).content.decode()
    judge(ended)
    best = {}
    for row in rows(client, ended):
        place = row["parameters"]["fast"], row["parameters"]["slow"]
        best[place] = max(best.get(place, row[name]), row[name])
    answer = client.get(f"/api/backtest/batch/{ended.id}/heatmap?metric={name}&x=slow&y=fast").json()
    cells = {
        (fast, slow): value
        for fast, line in zip(answer["y"]["values"], answer["values"], strict=True)
        for slow, value in zip(answer["x"]["values"], line, strict=True)
    }
    assert cells == pytest.approx(best)
    page = client.get(address).content.decode()
    assert option in page
    assert "The best cell, " in page


def test_the_median_of_neighbors_is_as_good_as_the_ranking_metric_is_low(client, sweep):
    store_prices("WALK", walk(11))
    session = sweep(["WALK"], sortBy="annualizedVolatility")
    judge(session)
    query = f"/api/backtest/batch/{session.id}/heatmap?metric=neighbourMedian&x=slow&y=slow&aggregate="
    fewest = min(value for value in client.get(query + "best").json()["values"][0] if value is not None)
    assert fewest == min(row["neighbourMedian"] for row in rows(client, session) if row["parameters"]["slow"] == 20)


def test_memory_keeps_the_newest_columns_until_nobody_reads_them(client, ended):
    array_cache.cache.arrays.clear()
    judge(ended)
    rows(client, ended)
    first = weakref.ref(only_cached())
    array_cache.cache.drop_unused(time.monotonic() + 2 * array_cache.UNUSED_S)
    gc.collect()
    assert first() is None
    assert all(row["outOfSampleReturn"] is not None for row in rows(client, ended))
    assert only_cached().nbytes == 8 * len(JUDGED) * ended.total


def only_cached():
    """The columns of a verdict that are cached: small batches have no other cached arrays."""
    [(array, _)] = array_cache.cache.arrays.values()
    return array


def test_another_verdict_replaces_them(client, ended):
    judge(ended)
    verdict_jobs.request(ended, Options(seed=5), timezone.now())
    ended.refresh_from_db()
    assert ended.judged_at is None
    judge(ended)
    assert all(row["outOfSampleReturn"] is not None for row in rows(client, ended))
