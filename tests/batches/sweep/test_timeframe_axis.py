"""Timeframes as an axis of a batch: from the request to the rows, filters, exports, links and the replay."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from django.http import QueryDict

from backtester.client.files import read_parquet
from backtester.engine import sweep
from batches.models import ResultChunk
from batches.results import exports
from batches.results.query import ResultsQuery
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import wire_name
from batches.web.forms.sweep_form import SweepForm
from tests.support import jobs
from tests.support.market import store
from tests.support.page_reader import text_of
from tests.support.price_files import parquet, read, store_prices

pytestmark = pytest.mark.django_db
BODY = {
    "strategy": "sma_cross",
    "parameterRanges": {"fast": [3, 5], "slow": [20, 30]},
    "fees": 0.0001,
    "sortBy": "totalReturn",
}


def session_bars(days=12, seed=3):
    index = pd.bdate_range("2024-03-04", periods=days)
    clock = pd.timedelta_range("9h30min", "16h", freq="1min", closed="left")
    wall = (index.to_numpy()[:, None] + clock.to_numpy()).ravel()
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.0005, len(wall)))), 4)
    return pd.DataFrame({"time": wall, "close": close})


@pytest.fixture
def minutes(queued):
    frame = session_bars()
    store_prices(read(parquet(frame), "MIN.parquet"))
    return frame.set_index("time")


@pytest.fixture
def batch(minutes):
    return jobs.finish(jobs.submit(BODY | {"symbols": ["MIN"], "timeframes": ["5m", "1h"]}))


def results(client, session, query=""):
    return client.get(f"/api/backtest/batch/{session.pk}/results{query}")


def exported(session, **query):
    return b"".join(exports.csv_parts(session, ResultsQuery.parse(session, query))).decode()


def test_rows_are_those_of_a_sweep_over_the_same_timeframes(client, minutes, batch):
    rows = results(client, batch, "?sort=index").json()["results"]
    closes = minutes.rename(columns={"close": "MIN"})
    table = sweep("sma_cross", closes, BODY["parameterRanges"], fees=0.0001, timeframes=["5m", "1h"])
    assert [row["timeframe"] for row in rows] == ["5m"] * 4 + ["1h"] * 4 == table["timeframe"].tolist()
    for name in ("total_return", "sharpe", "max_drawdown_duration"):
        assert [row[wire_name(name)] for row in rows] == [None if value != value else value for value in table[name]]
    assert batch.results["results"][0]["timeframe"] in ("5m", "1h")
    assert batch.last_test["timeframe"] in ("5m", "1h")


def test_each_chunk_has_one_timeframe(batch):
    grid = plan_of(batch).grid
    for chunk in ResultChunk.objects.all():
        assert grid.series_of(chunk.start) == grid.series_of(chunk.stop - 1)
    assert batch.work_done == batch.work_total == 4 * sum(plan_of(batch).bars)
    assert plan_of(batch).bars == (12 * 78, 12 * 7)


def test_the_estimate_counts_timeframes(client, minutes):
    body = BODY | {"symbols": ["MIN"], "timeframes": ["1m", "15m", "1d"]}
    answer = client.post("/api/backtest/batch/estimate", body, content_type="application/json")
    assert answer.json()["total"] == 12


def test_rows_are_filtered_and_sorted_by_timeframe(client, batch):
    hours = results(client, batch, "?timeframe=1h").json()
    assert {row["timeframe"] for row in hours["results"]} == {"1h"}
    assert hours["total"] == 4
    ordered = results(client, batch, "?sort=-timeframe").json()["results"]
    assert [row["timeframe"] for row in ordered] == ["1h"] * 4 + ["5m"] * 4
    refused = results(client, batch, "?timeframe=2h")
    assert refused.status_code == 422
    assert "'2h' is not among the timeframes of this batch: 5m, 1h." in refused.json()["error"]


def test_exports_have_the_timeframe_behind_the_symbol(batch):
    rows = list(csv.DictReader(io.StringIO(exported(batch, sort="index"))))
    assert list(rows[0])[:4] == ["index", "symbol", "timeframe", "fast"]
    assert [row["timeframe"] for row in rows] == ["5m"] * 4 + ["1h"] * 4
    assert len(exported(batch, timeframe="1h").splitlines()) == 5
    content = b"".join(exports.parquet_parts(batch, ResultsQuery.parse(batch, {})))
    assert read_parquet(content)["timeframe"].tolist().count("5m") == 4


def test_the_heatmap_is_filtered_by_timeframe(client, batch):
    address = f"/api/backtest/batch/{batch.pk}/heatmap?x=fast&y=slow&metric=totalReturn&timeframe="
    rows = {}
    for row in results(client, batch).json()["results"]:
        rows[row["timeframe"], row["parameters"]["fast"], row["parameters"]["slow"]] = row["totalReturn"]
    for timeframe in ("5m", "1h"):
        answer = client.get(address + timeframe).json()
        assert (answer["timeframe"], answer["tests"]) == (timeframe, 4)
        assert answer["values"] == [[rows[timeframe, fast, slow] for fast in (3, 5)] for slow in (20, 30)]
    assert client.get(address + "9h").status_code == 422


def test_without_timeframes_rows_name_the_stored_bars_and_files_stay_as_they_were(client, minutes):
    store("ACME")
    session = jobs.finish(jobs.submit(BODY | {"symbols": ["MIN", "ACME"]}))
    rows = results(client, session, "?sort=index").json()["results"]
    assert [row["timeframe"] for row in rows] == ["1m"] * 4 + ["1d"] * 4
    assert "timeframes" not in session.request
    assert exported(session).startswith("index,symbol,fast,slow")
    assert results(client, session, "?timeframe=1m").json()["total"] == 4


@pytest.mark.parametrize(
    ("timeframes", "says"),
    [
        (["5"], "A timeframe must be like 5m, 4h, 1d or 1w, got '5'."),
        (["24h"], "written in d or w"),
        ([], "timeframes must be a list of 1 to 20 timeframes"),
        ("1h", "timeframes must be a list of 1 to 20 timeframes"),
        ([7], "must be like"),
        (["1h"], "1h cannot be tested: ACME has longer bars, 1d."),
        (["4w", "1d"], "MIN has no complete bar of 4w"),
    ],
)
def test_timeframes_that_cannot_be_tested_are_refused(client, minutes, timeframes, says):
    store("ACME")
    symbols = ["ACME"] if "ACME" in says else ["MIN"]
    body = json.dumps(BODY | {"symbols": symbols, "timeframes": timeframes})
    answer = client.post("/api/backtest/batch/estimate", body, content_type="application/json")
    assert answer.status_code == 422
    detail = answer.json()["details"][0]
    assert detail["field"] == "timeframes"
    assert says in detail["message"]


def test_moments_cut_the_tested_bars(client, minutes):
    body = BODY | {"symbols": ["MIN"], "startDate": "2024-03-05T10:00:00Z", "endDate": "2024-03-06T09:59+00:00"}
    session = jobs.finish(jobs.submit(body))
    assert session.request["startDate"] == "2024-03-05T10:00:00Z"
    assert session.request["endDate"] == "2024-03-06T09:59:00Z"
    assert plan_of(session).bars == (360 + 30,)
    closes = minutes.loc["2024-03-05 10:00":"2024-03-06 09:59"].rename(columns={"close": "MIN"})
    row = results(client, session, "?sort=index").json()["results"][0]
    assert row["totalReturn"] == sweep("sma_cross", closes, {"fast": [3], "slow": [20]}, fees=0.0001)["total_return"][0]
    again = plan_of(type(session).objects.get(pk=session.pk))
    assert again.start_date.isoformat() == "2024-03-05T10:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"startDate": "2024-03-05T25:00Z"}, "a moment that exists"),
        ({"startDate": "March"}, "a date as YYYY-MM-DD, or a moment as YYYY-MM-DDTHH:MM:SSZ, got 'March'"),
        ({"startDate": "2024-03-06T10:00Z", "endDate": "2024-03-06T09:00Z"}, "startDate must not be after endDate"),
        ({"startDate": "2024-03-07", "endDate": "2024-03-06T09:00Z"}, "startDate must not be after endDate"),
        ({"startDate": "2030-01-01T00:00Z"}, "MIN has no bars from 2030-01-01"),
    ],
)
def test_moments_that_make_no_range_are_refused(client, minutes, fields, says):
    body = BODY | {"symbols": ["MIN"]} | fields
    answer = client.post("/api/backtest/batch/estimate", json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert says in answer.json()["error"]


def test_the_same_request_with_timeframes_is_one_batch(minutes):
    body = BODY | {"symbols": ["MIN"], "timeframes": ["5m"], "sessionId": "6f2b9a34-58a2-4f4e-9f0a-0a4b5c6d7e8f"}
    assert jobs.submit(body).pk == jobs.submit(body).pk


def test_the_link_opens_the_form_with_the_timeframes(client, batch):
    form = SweepForm(QueryDict("strategy=sma_cross&symbols=MIN&timeframes=5m,1h&fast=3,5&slow=20,30"))
    assert form.request.timeframes == ("5m", "1h")
    assert "timeframes=5m,1h" in form.query()
    page = client.get(f"/?{form.query()}")
    assert 'name="timeframes" value="5m,1h"' in page.content.decode()
    wrong = SweepForm(QueryDict("strategy=sma_cross&symbols=MIN&timeframes=5x"))
    assert "A timeframe must be like" in str(wrong.errors["timeframes"])


def test_the_page_of_a_batch_shows_and_filters_timeframes(client, batch):
    page = client.get(f"/batches/{batch.pk}/?timeframe=1h")
    text = text_of(page)
    assert "Timeframes 5m, 1h" in text
    assert "4 tests of 8" in text
    assert "<option selected>1h</option>" in page.content.decode()
    assert client.get(f"/batches/{batch.pk}/heatmap/?timeframe=1h").status_code == 200


def test_a_weekly_timeframe_of_daily_bars(client, queued):
    store("ACME")
    session = jobs.finish(jobs.submit(BODY | {"symbols": ["ACME"], "timeframes": ["1d", "1w"]}))
    rows = results(client, session, "?sort=index").json()["results"]
    plain = jobs.finish(jobs.submit(BODY | {"symbols": ["ACME"]}))
    assert rows[0]["sharpe"] == results(client, plain, "?sort=index").json()["results"][0]["sharpe"]
    assert rows[4]["timeframe"] == "1w"
    assert plan_of(session).prices(1).bar_seconds == 604_800
