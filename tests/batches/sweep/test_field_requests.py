"""Sweeps of public bug reports, made up again: files and requests go through the API, and the page of each opens."""

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from batches.models import BatchSession
from tests.support import jobs
from tests.support.page_reader import text_of, url

pytestmark = [
    pytest.mark.usefixtures("transactional_db", "queued", "published", "instruments"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]
START = "/api/backtest/batch"
DAYS = 300


@pytest.fixture
def upload(client):
    def uploaded(symbol, closes, first="2020-01-01"):
        days = pd.bdate_range(first, periods=len(closes)).strftime("%Y-%m-%d")
        lines = [f"{day},{close}" for day, close in zip(days, closes, strict=True)]
        file = SimpleUploadedFile(f"{symbol}.csv", "\n".join(["date,close", *lines]).encode())
        response = client.post("/api/instruments", {"file": file})
        assert response.status_code == 201, response.content

    return uploaded


@pytest.fixture
def sweep(client):
    """Start a sweep, finish it, and return the batch with the text of its page."""

    def swept(symbols, ranges, strategy="sma_cross", **fields):
        body = {"strategy": strategy, "symbols": symbols, "parameterRanges": ranges} | fields
        response = client.post(START, body, content_type="application/json")
        assert response.status_code == 202, response.content
        batch = jobs.finish(BatchSession.objects.get(pk=response.json()["sessionId"]))
        page = client.get(url(batch))
        assert page.status_code == 200
        return batch, " ".join(text_of(page).split())

    return swept


def refusal(client, symbols, **fields):
    body = {"strategy": "sma_cross", "symbols": symbols, "parameterRanges": {"fast": [5], "slow": [20]}} | fields
    response = client.post(START, body, content_type="application/json")
    assert response.status_code in (400, 422), response.content
    assert not BatchSession.objects.exists()
    return response.json()["error"]


def wave(days=DAYS, level=100.0):
    return level * (1 + 0.2 * np.sin(np.arange(days) / 9))


def test_a_percentage_in_place_of_a_fraction_is_noted_or_refused(client):
    """Case 42."""
    sweep = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [10], "slow": [50]}}
    answer = client.post(f"{START}/estimate", sweep | {"fees": 0.1}, content_type="application/json").json()
    assert answer["notes"] == ["fees: 0.1 is 10.0% of the traded value on each side; 0.1% is 0.001."]
    assert "fees must be between 0 and 0.5, got 1" in refusal(client, ["ACME"], fees=1)
    stops = {"fast": [10], "slow": [50], "stopLoss": [5]}
    assert "(a fraction: 0.05 is 5%), got 5" in refusal(client, ["ACME"], parameterRanges=stops)


def test_every_symbol_without_a_bar_in_the_dates_is_named(client, upload):
    """Case 43."""
    for symbol, first in (("FDEA", "2008-01-01"), ("FDEB", "2009-01-01"), ("FLIV", "2020-01-01")):
        upload(symbol, wave(), first)
    text = refusal(client, ["FDEA", "FDEB", "FLIV"], startDate="2012-01-02")
    assert all(symbol in text for symbol in ("FDEA", "FDEB"))


@pytest.mark.parametrize("ranges", [{"sma_cross": {"fast": [1], "slow": [2]}}, {"periodic_dca": {"every": [1]}}])
def test_one_bar_is_too_few_and_two_are_no_infinity(upload, sweep, ranges):
    """Case 46."""
    for symbol, closes in (("FONE", [10.0]), ("FTWO", [10.0, 11.0]), ("FTHR", [10.0, 11.0, 12.0])):
        upload(symbol, closes)
    ((strategy, values),) = ranges.items()
    batch, page = sweep(["FONE", "FTWO", "FTHR"], values, strategy)
    json.dumps(batch.results, allow_nan=False)
    assert "needs at least" in batch.results["errors"][0]["message"]
    assert batch.results["errors"][0]["message"] in page


def test_a_sweep_of_one_parameter_has_a_heatmap_of_one_row(client, sweep):
    """Case 47."""
    batch, _ = sweep(["ACME"], {"fast": [5, 10, 15], "slow": [100]})
    heatmap = client.get(f"{START}/{batch.pk}/heatmap?x=fast&y=slow&metric=sharpe").json()
    assert (heatmap["x"]["values"], heatmap["y"]["values"]) == ([5, 10, 15], [100])
    assert np.shape(heatmap["values"]) == (1, 3)


def test_a_share_above_the_capital_leaves_no_trade_and_says_why(upload, sweep):
    """Case 48."""
    upload("FBTCU", wave(level=80_000.0))
    ranges = {"fast": [3], "slow": [10]}
    batch, page = sweep(["FBTCU"], ranges, initialCapital=1000, wholeShares=True)
    (row,) = batch.results["results"]
    assert (row["trades"], batch.results["summary"]["overallBest"]) == (0, None)
    assert "one share costs at least" in page
    batch, page = sweep(["FBTCU"], ranges, initialCapital=1000)
    assert batch.results["results"][0]["trades"] > 0
    assert "one share costs" not in page


def test_a_row_of_a_sweep_run_alone_is_the_same_everywhere(client, upload, sweep):
    """Case 51."""
    ranges = {
        "sma_cross": {"fast": [3, 5, 8], "slow": [10, 20]},
        "rsi_reversal": {"period": [7, 14], "entryLevel": [30, 40]},
        "periodic_dca": {"every": [5, 21], "instalments": [12, 24]},
    }
    upload("FWAV", wave() * np.linspace(1, 1.4, DAYS))
    for strategy, values in ranges.items():
        batch, _ = sweep(["FWAV", "ACME"], values, strategy)
        lines = b"".join(client.get(f"{START}/{batch.pk}/results.csv")).decode("utf-8-sig")
        table = {int(line["index"]): line for line in csv.DictReader(io.StringIO(lines))}
        for row in client.get(f"{START}/{batch.pk}/results").json()["results"][:8]:
            alone, _ = sweep([row["symbol"]], {name: [value] for name, value in row["parameters"].items()}, strategy)
            replay = client.get(f"{START}/{batch.pk}/results/{row['index']}").json()["metrics"]
            for metric in ("totalReturn", "sharpe", "trades"):
                expected = row[metric]
                assert alone.results["results"][0][metric] == expected
                assert replay[metric] == expected
                assert table[row["index"]][metric] == ("" if expected is None else str(expected))


CROSS = ("sma_cross", {"fast": [5], "slow": [200]})
SHORT = ("sma_cross", {"fast": [2], "slow": [5]})
OUTSIDE = ("bollinger_breakout", {"window": [20], "width": [9.0]})


@pytest.mark.parametrize(
    ("symbols", "sweep_of", "fields", "unranked", "reason"),
    [
        (["FLNG", "ACME", "FSHO"], CROSS, {}, ["FSHO"], "slow of 200 bars needs at least 202 bars; FSHO"),
        (["FLNG", "ACME"], CROSS, {"endDate": "2020-02-28"}, ["FLNG", "ACME"], "slow of 200 bars needs"),
        (["FLNG", "FFLA"], CROSS, {"sortBy": "sharpe"}, ["FFLA"], "Nothing was traded."),
        (["FLNG", "ACME"], OUTSIDE, {"sortBy": "winRate"}, ["FLNG", "ACME"], "Nothing was traded."),
        (["FLNG"], SHORT, {"endDate": "2020-01-20"}, ["FLNG"], "The test is shorter than 30 days"),
    ],
    ids=["one too short", "dates too short", "one flat", "nothing traded", "under 30 days"],
)
def test_a_symbol_without_a_rank_has_a_dash_and_a_reason(
    client, upload, sweep, symbols, sweep_of, fields, unranked, reason
):
    """Case 54."""
    upload("FLNG", wave())
    upload("FFLA", np.full(DAYS, 10.0))
    upload("FSHO", wave(50))
    strategy, ranges = sweep_of
    batch, page = sweep(symbols, ranges, strategy, **fields)
    bests = batch.results["summary"]["bestBySymbol"]
    assert [symbol for symbol in symbols if bests[symbol] is None] == unranked
    by_symbol = page.partition("Best by symbol")[2].partition("Sweep all symbols")[0]
    for symbol in symbols:
        line = f"{symbol} –[^A-Za-z]* – {reason}" if symbol in unranked else rf"{symbol} [−\d]"
        assert re.search(line, by_symbol), by_symbol


def test_a_winner_that_does_nothing_is_no_winner_and_stays_in_the_results(sweep):
    """Case 60."""
    batch, page = sweep(["ACME"], {"window": [20], "width": [1, 9.5]}, "bollinger_breakout", sortBy="maxDrawdown")
    winner, idle = batch.results["results"]
    assert (winner["trades"] > 0, idle["trades"]) == (True, 0)
    assert batch.results["summary"]["overallBest"] == winner
    batch, page = sweep(["ACME"], {"window": [20], "width": [9.5]}, "bollinger_breakout", sortBy="maxDrawdown")
    assert "No test gave a result that can be ranked" in page
