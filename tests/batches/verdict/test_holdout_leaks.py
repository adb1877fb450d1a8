"""Each way in which locked days could reach a number, a page or another sweep."""

import csv
import io
import json
from datetime import date

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from backtester.engine import buy_and_hold, replay
from batches.errors import BatchError
from batches.models import BatchSession, Holdout
from batches.prices.series import load_prices
from batches.results.exports import csv_parts
from batches.results.query import ResultsQuery
from batches.running import lifecycle, retrying
from batches.sweep.plan import plan_of
from batches.verdict import ledger
from tests.batches.verdict.conftest import judge
from tests.batches.verdict.locked_days import BODY, EDGE, address, spend
from tests.support import jobs
from tests.support.page_reader import text_of

pytestmark = pytest.mark.usefixtures("queued", "published")


def test_all_that_a_batch_computes_is_that_of_a_batch_that_ends_before(client, locked, sweep):
    """Rows, buy and hold, summary, luck, verdict: the same as with endDate on the eve, which knows no later bar."""
    plain = sweep(["WALK"], endDate="2003-11-30")
    assert plan_of(locked).prices(0).dates[-1] == np.datetime64("2003-11-28")
    assert jobs.stored(locked).tobytes() == jobs.stored(plain).tobytes()
    for name in ("summary", "comparison", "results"):
        assert locked.results[name] == plain.results[name]
    assert locked.luck["sharpe"] == plain.luck["sharpe"]
    judge(plain)
    verdicts = [client.get(address(session, "verdict")).json() for session in (locked, plain)]
    for part in ("best", "luck", "holding", "shuffle", "pbo", "walkForward", "stability", "sentence"):
        assert verdicts[0][part] == verdicts[1][part], part
    assert max(verdicts[0]["walkForward"]["curve"]["dates"]) < EDGE


def test_a_comparison_says_that_locked_days_shorten_one_batch(client, locked, sweep):
    whole, until_the_lock = sweep(["OTHER"]), sweep(["OTHER"], endDate="2003-11-30")
    texts = [
        text_of(client.get(reverse("batches:compare"), {"batch": [str(locked.pk), str(other.pk)]}))
        for other in (whole, until_the_lock)
    ]
    assert ["They were tested over different dates" in text for text in texts] == [True, False]


def test_betas_are_measured_before_the_locked_days(market, sweep, settings):
    settings.BENCHMARK_SYMBOL = "OTHER"
    changes = {"strategy": "grid_dca", "enableBetaScaling": True, "coefficients": [1.0]}
    changes["parameterRanges"] = {"gridInterval": [0.05], "profitRequirement": [0.05]}
    plain, held_out = sweep(["WALK"], endDate="2003-11-30", **changes), sweep(["WALK"], holdout=EDGE, **changes)
    assert held_out.instruments[0]["beta"] == plain.instruments[0]["beta"]


def test_rows_and_exports_are_cut(client, locked):
    rows = client.get(address(locked, "results") + "?sort=index").json()["results"]
    prices = load_prices(locked.instruments[0]["seriesId"], None, date(2003, 11, 30))
    plan = plan_of(locked)
    text = b"".join(csv_parts(locked, ResultsQuery.parse(locked, {}, sort="index"))).decode()
    exported = list(csv.DictReader(io.StringIO(text)))
    for index in (0, 7, 19):
        expected = replay(plan.grid, prices, index, plan.rules).metrics
        assert rows[index]["totalReturn"] == expected["total_return"]
        assert float(exported[index]["totalReturn"]) == expected["total_return"]


@pytest.mark.parametrize("query", ["", "?points=500", "?from=2003-10-01", "?to=2004-06-01"])
def test_a_replay_ends_before_the_locked_days(client, locked, query):
    body = client.get(address(locked, "results/3") + query).json()
    assert max(body["dates"]) == "2003-11-28"
    assert len(body["equity"]) == len(body["buyAndHold"]["equity"]) == len(body["dates"])
    assert all((trade["exitDate"] or "") < EDGE for trade in body["trades"])
    held = buy_and_hold(plan_of(locked).prices(0), plan_of(locked).rules)
    assert body["buyAndHold"]["metrics"]["totalReturn"] == held["total_return"]


def test_a_range_on_locked_days_is_refused(client, locked):
    refused = client.get(address(locked, "results/3") + "?from=2004-01-05")
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (422, "from")
    assert "2003-11-28" in refused.json()["error"]


def test_the_pages_show_no_locked_day(client, locked):
    judge(locked)
    for part in ("", "results/3/", "verdict/", "spread/", "heatmap/", "parallel/"):
        page = client.get(f"/batches/{locked.id}/{part}").content.decode()
        assert "2004-" not in page.replace("2004-12-24", "")  # the last locked day, which the page names
    assert "Spend the locked days" in client.get(f"/batches/{locked.id}/").content.decode()
    assert "2003-11-30" in client.get(f"/batches/{locked.id}/results/3/").content.decode()  # in the commands


@pytest.mark.django_db(transaction=True)
def test_a_second_sweep_ends_before_the_locked_days_and_says_so(client, locked):
    body = {"strategy": "rsi_reversal", "symbols": ["WALK"]}
    estimate = client.post("/api/backtest/batch/estimate", json.dumps(body), content_type="application/json").json()
    assert any(EDGE in note and "locked" in note for note in estimate["notes"])
    started = client.post("/api/backtest/batch", json.dumps(body), content_type="application/json").json()
    assert any("ends on 2003-11-30" in note for note in started["notes"])
    session = jobs.finish(BatchSession.objects.get(pk=started["sessionId"]))
    assert plan_of(session).prices(0).dates[-1] == np.datetime64("2003-11-28")
    assert "ends on 2003-11-30" in client.get(f"/batches/{session.id}/").content.decode()
    page = client.get("/?symbols=WALK").content.decode()
    assert f"ends before {EDGE}" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endDate": "2004-03-01"}, "endDate"),
        ({"startDate": "2004-01-01"}, "startDate"),
        ({"holdout": "2004-01-01", "endDate": "2004-06-01"}, "endDate"),
    ],
)
def test_a_second_sweep_over_the_locked_days_is_refused(client, locked, change, field):
    body = json.dumps({"strategy": "rsi_reversal", "symbols": ["OTHER", "WALK"]} | change)
    for path in ("/api/backtest/batch", "/api/backtest/batch/estimate"):
        refused = client.post(path, body, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (409, "HOLDOUT_LOCKED")
        assert [detail["field"] for detail in refused.json()["details"]] == [field]
    assert BatchSession.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_days_that_two_batches_have_locked_are_named_once(client, locked, sweep):
    sweep(["WALK"], holdout=EDGE, fees=0.01)
    body = json.dumps({"strategy": "rsi_reversal", "symbols": ["WALK"], "endDate": "2004-03-01"})
    refused = client.post("/api/backtest/batch", body, content_type="application/json").json()
    assert refused["error"].count(f"WALK {EDGE} to ") == 1


def test_other_symbols_and_earlier_days_are_free(locked, sweep):
    assert sweep(["OTHER"]).tested_until is None
    assert sweep(["WALK"], endDate="2003-11-30", fees=0.01).tested_until is None
    assert sweep(["WALK"], holdout="2003-06-02").holdout.first_date == date(2003, 6, 2)


def test_spending_unlocks_the_days_for_other_sweeps(client, locked, sweep):
    assert spend(client, locked).status_code == 200
    assert sweep(["WALK"], fees=0.01).tested_until is None


def test_a_retry_shares_the_locked_days(client, market):
    session = jobs.work_some(jobs.submit(BODY | {"holdout": EDGE}), 1)
    lifecycle.cancel(session.id, timezone.now())
    retried = jobs.finish(retrying.retry(jobs.reread(session), now=timezone.now()))
    assert retried.holdout == jobs.reread(session).holdout
    assert plan_of(retried).prices(0).dates[-1] < np.datetime64(EDGE)
    assert spend(client, retried).status_code == 200
    assert spend(client, session).json()["code"] == "HOLDOUT_SPENT"


@pytest.mark.django_db(transaction=True)
def test_a_retry_of_an_older_batch_is_refused_once_its_days_are_locked(client, market, sweep):
    older = jobs.work_some(jobs.submit(BODY), 1)
    lifecycle.cancel(older.id, timezone.now())
    sweep(["WALK"], holdout=EDGE)
    refused = client.post(address(older, "retry"))
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLDOUT_LOCKED")


def test_deleting_a_batch_unlocks_nothing_and_gives_no_second_try(client, locked, sweep):
    assert client.delete(address(locked, "").rstrip("/")).status_code == 200
    with pytest.raises(BatchError, match="locked by an earlier batch"):
        sweep(["WALK"], endDate="2004-03-01")
    again = sweep(["WALK"], holdout=EDGE, title="another title", sortBy="totalReturn")
    assert Holdout.objects.count() == 1
    assert spend(client, again).status_code == 200
    client.delete(address(again, "").rstrip("/"))
    third = sweep(["WALK"], holdout=EDGE)
    assert spend(client, third, 5).json()["code"] == "HOLDOUT_SPENT"


def test_an_older_sweep_is_judged_with_its_own_days(locked, sweep):
    """The ledger counts a locked batch with the days that it has tested."""
    held = ledger.of_symbol("WALK", None)
    assert held["lastDate"] == "2003-11-30"
