"""Results: pages, downloads, heatmap, one combination."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import AsyncClient

from tests.batches.api.asking import error_of, url
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_page_of_results(client, finished):
    body = client.get(url(finished, "/results?sort=-calmar&symbol=acme&pageSize=4&page=2&min.trades=0")).json()
    assert (body["sort"], body["defaultSort"], body["status"]) == ("-calmar", "-sharpe", "complete")
    assert (body["total"], body["page"], body["pageSize"], body["pages"]) == (9, 2, 4, 3)
    assert len(body["results"]) == 4
    assert {row["symbol"] for row in body["results"]} == {"ACME"}
    error_of(client.get(url(finished, "/results?sort=nope")), 422, "INVALID_REQUEST")


async def test_downloads_are_streamed_under_their_names(finished):
    response = await AsyncClient().get(url(finished, "/results.csv"))
    text = "".join([part.decode() async for part in response])
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="batch-{finished.pk}.csv"' in response["Content-Disposition"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert text.count("\n") == 28

    response = await AsyncClient().get(url(finished, "/results.parquet"))
    table = pq.read_table(pa.BufferReader(b"".join([part async for part in response])))
    assert table.num_rows == 27

    response = await AsyncClient().get(url(finished, "/results.json?sort=-sharpe&symbol=bolt"))
    rows = json.loads(b"".join([part async for part in response]))["results"]
    assert [row["symbol"] for row in rows] == ["BOLT"] * 9
    assert rows[0]["sharpe"] == max(row["sharpe"] for row in rows)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_download_with_a_wrong_filter_is_refused_before_it_starts(client, finished, ending):
    body = error_of(client.get(url(finished, f"/results.{ending}?min.sharp=1")), 422, "INVALID_REQUEST")
    assert "Did you mean sharpe?" in body["error"]


def test_a_heatmap(client, finished):
    body = client.get(url(finished, "/heatmap?x=slow&y=fast&metric=calmar&aggregate=mean&symbol=bolt")).json()
    assert (body["x"]["name"], body["y"]["name"], body["metric"]) == ("slow", "fast", "calmar")
    assert (body["symbol"], body["aggregate"], body["tests"]) == ("BOLT", "mean", 9)
    assert len(body["values"]) == 3
    error_of(client.get(url(finished, "/heatmap?x=nope")), 422, "INVALID_REQUEST")


def test_one_combination_in_full_agrees_with_its_row(client, finished):
    row = client.get(url(finished, "/results?symbol=ACME&pageSize=1")).json()["results"][0]
    body = client.get(url(finished, f"/results/{row['index']}")).json()
    assert body["metrics"] == {name: row[name] for name in jobs.METRIC_COLUMNS}
    assert (body["symbol"], body["parameters"]) == (row["symbol"], row["parameters"])
    lengths = {len(body[name]) for name in ("dates", "equity", "drawdown", "exposure")}
    assert lengths == {400} == {len(body["buyAndHold"]["equity"])}
    # The curves are computed bar by bar, the row in blocks: their last bits may differ.
    assert body["equity"][-1] == pytest.approx(row["finalEquity"], rel=1e-14)
    assert min(body["drawdown"]) == pytest.approx(row["maxDrawdown"], rel=1e-14)
    assert len([trade for trade in body["trades"] if trade["exitDate"]]) == row["trades"]
    assert set(body["trades"][0]) == {
        "entryDate", "exitDate", "side", "entryPrice", "exitPrice", "shares", "pnl", "return", "bars"
    }  # fmt: skip


@pytest.mark.parametrize("index", ["27", "-1", "x", "1.0", "9" * 50, "１", "0x1"])
def test_a_combination_that_there_is_not_is_not_found(client, finished, index):
    error_of(client.get(url(finished, f"/results/{index}")), 404, "NOT_FOUND")


def test_a_combination_that_cannot_be_tested_says_why(client, finished):
    failed = next(iter(jobs.computed(finished)[1]))
    body = error_of(client.get(url(finished, f"/results/{failed}")), 422, "TEST_FAILED")
    assert "CORE has 60" in body["error"]


@pytest.mark.parametrize(
    ("rest", "field", "meant"),
    [("/results?sort=-sharp", "sort", "sharpe"), ("/results?page_size=5", "page_size", "pageSize"),
     ("/results?min.shrape=1", "min.shrape", "sharpe"), ("/results?symbol=ACMEE", "symbol", "ACME"),
     ("/heatmap?x=fastt", "x", "fast"), ("/heatmap?metrc=sharpe", "metrc", "metric"),
     ("/heatmap?metric=calmr", "metric", "calmar"), ("/heatmap?aggregate=means", "aggregate", "mean"),
     ("/heatmap?symbol=BOLTS", "symbol", "BOLT")],
)  # fmt: skip
def test_a_misspelled_part_of_an_address_is_named_with_what_was_meant(client, finished, rest, field, meant):
    body = error_of(client.get(url(finished, rest)), 422, "INVALID_REQUEST")
    assert [detail["field"] for detail in body["details"]] == [field]
    assert f"Did you mean {meant}?" in body["error"]


def test_a_large_map_is_compressed_for_clients_that_read_it(client, finished):
    address = f"/api/backtest/batch/{finished.pk}/heatmap"
    plain, packed = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    unchanged = client.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": packed["ETag"]})
    assert unchanged.status_code == 304
