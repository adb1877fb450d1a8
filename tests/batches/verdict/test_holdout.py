"""A locked tail: nothing is computed on it until one row is, once. Each kind of leak has a test."""

import csv
import io
import json
from datetime import date

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from backtester.engine import buy_and_hold, replay
from batches.errors import BatchError, InvalidRequest
from batches.models import BatchSession, Holdout, LockedDays
from batches.prices.series import load_prices
from batches.results.exports import csv_parts
from batches.results.query import ResultsQuery
from batches.running import lifecycle, retrying, submission
from batches.sweep.plan import plan_of
from batches.sweep.start_request import StartRequest, parse_start
from batches.verdict import ledger
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")
EDGE = "2003-12-01"
BODY = {
    "strategy": "sma_cross",
    "symbols": ["WALK"],
    "parameterRanges": {"fast": [3, 5, 8, 12, 16], "slow": [20, 30, 45, 70]},
}


@pytest.fixture
def market(db):
    """1,300 business days from 2000-01-03 on."""
    store_prices("WALK", walk(11))
    store_prices("OTHER", walk(12))


@pytest.fixture
def locked(market, sweep):
    return sweep(["WALK"], holdout=EDGE)


def address(session, part="holdout"):
    return f"/api/backtest/batch/{session.id}/{part}"


def spend(client, session, index=0):
    return client.post(address(session), json.dumps({"index": index}), content_type="application/json")


def same_metrics(row, other):
    names = jobs.METRIC_COLUMNS
    return [row[name] for name in names] == [other[name] for name in names]


def spent_on():
    answer = Holdout.objects.get().answer
    return answer and answer["index"]


# ---- the field -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [0.51, -0.1, True, "soon", "2003-13-01", "2003-02-30", [], {}, 1e400, "0.2", "2003-12-01T00:00:00Z"]
)
def test_a_wrong_holdout_is_refused_by_name_and_nothing_is_stored(client, market, value):
    body = {"strategy": "sma_cross", "symbols": ["WALK"], "holdout": value}
    with pytest.raises(InvalidRequest) as error:
        submission.submit(parse_start(body), now=timezone.now())
    assert [detail.field for detail in error.value.details] == ["holdout"]
    assert not BatchSession.objects.exists()
    assert not Holdout.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"holdout": "1999-01-01"},
        {"holdout": "2030-01-01"},
        {"holdout": "2000-01-03"},
        {"holdout": "2002-01-01", "startDate": "2002-01-01"},
        {"holdout": "2003-01-01", "endDate": "2002-01-01"},
        {"holdout": 0.00001},
    ],
)
def test_a_holdout_that_locks_nothing_or_all_is_refused(market, change):
    with pytest.raises(InvalidRequest) as error:
        jobs.submit({"strategy": "sma_cross", "symbols": ["WALK"]} | change)
    assert [detail.field for detail in error.value.details] == ["holdout"]
    assert not Holdout.objects.exists()


@pytest.mark.parametrize("value", [None, 0, 0.0])
def test_no_holdout_is_stored_as_before(market, value):
    request = parse_start({"strategy": "sma_cross", "symbols": ["WALK"], "holdout": value})
    assert "holdout" not in request.as_json()


@pytest.mark.parametrize("value", [0.2, 0.5, "2003-12-01"])
def test_a_stored_holdout_is_read_again(value):
    request = parse_start({"strategy": "sma_cross", "symbols": ["WALK"], "holdout": value})
    assert request.as_json()["holdout"] == value
    assert StartRequest.from_json(json.loads(json.dumps(request.as_json()))) == request


def test_a_fraction_is_one_of_the_calendar_days(market, sweep):
    session = sweep(["WALK"], holdout=0.25)
    first, last = date(2000, 1, 3), session.holdout.last_date
    locked = (last - session.holdout.first_date).days + 1
    assert locked == round(0.25 * ((last - first).days + 1))
    assert plan_of(session).prices(0).dates[-1] < np.datetime64(session.holdout.first_date)


# ---- leaks -----------------------------------------------------------------------------------------------------------


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


# ---- spending --------------------------------------------------------------------------------------------------------


def test_the_metrics_of_the_tail_are_those_of_the_whole_path_after_the_edge(client, locked):
    answer = spend(client, locked, 7).json()
    plan = plan_of(locked)
    prices = load_prices(locked.instruments[0]["seriesId"], None, None)
    whole = replay(plan.grid, prices, 7, plan.rules)
    first = int(np.searchsorted(prices.dates, np.datetime64(EDGE)))
    equity = whole.equity[first - 1 :]
    returns = equity[1:] / equity[:-1] - 1
    metrics = answer["metrics"]
    assert metrics["totalReturn"] == pytest.approx(equity[-1] / equity[0] - 1, rel=1e-12)
    assert metrics["sharpe"] == pytest.approx(
        returns.mean() / returns.std(ddof=1) * np.sqrt(prices.periods_per_year), rel=1e-9
    )
    assert metrics["maxDrawdown"] == pytest.approx(np.min(equity / np.maximum.accumulate(equity)) - 1, rel=1e-9)
    closed = [trade for trade in whole.trades if trade.exit_date and trade.exit_date >= date(2003, 12, 1)]
    assert metrics["trades"] == len(closed)
    assert answer["curve"]["equity"] == equity.tolist()
    assert answer["curve"]["dates"][1] == answer["range"]["from"] == EDGE
    assert answer["curve"]["holding"][0] == pytest.approx(equity[0])
    sweep_equity = replay(plan.grid, plan.prices(0), 7, plan.rules).equity
    assert whole.equity[:first].tolist() == sweep_equity.tolist()  # the locked bars change nothing before them


def test_the_second_time_is_refused_and_the_first_answer_stays(client, locked):
    assert client.get(address(locked)).json()["status"] == "locked"
    first = spend(client, locked, 3).json()
    refused = spend(client, locked, 4)
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLDOUT_SPENT")
    assert "metrics" not in refused.json()
    state = client.get(address(locked)).json()
    assert (state["status"], state["result"]["index"]) == ("spent", 3)
    assert state["result"]["metrics"] == first["metrics"]


def test_of_two_at_the_same_moment_one_is_answered(client, locked, monkeypatch):
    from batches.verdict import spending

    evaluated = spending._evaluated

    def meanwhile(session, index):
        monkeypatch.setattr(spending, "_evaluated", evaluated)
        assert spending.spend(jobs.reread(session), 1, timezone.now())["index"] == 1
        return evaluated(session, index)

    monkeypatch.setattr(spending, "_evaluated", meanwhile)
    assert spend(client, locked, 2).json()["code"] == "HOLDOUT_SPENT"
    assert spent_on() == 1


def test_a_lock_that_is_given_up_is_spent_on_no_row(client, locked, sweep):
    for _ in range(2):
        state = client.delete(address(locked)).json()
        assert (state["status"], state["result"]) == ("spent", None)
    refused = spend(client, locked, 4)
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLDOUT_SPENT")
    assert "given up" in refused.json()["error"]
    assert jobs.reread(sweep(["WALK"])).tested_until is None, "the days are free"
    assert "the lock was given up" in client.get(f"/batches/{locked.id}/").content.decode()
    assert "given up" in client.get(f"/batches/{locked.id}/holdout/").content.decode()
    again = sweep(["WALK"], holdout=0.1)
    assert any("already spent once" in note for note in client.get(address(again)).json()["notes"])


def test_what_was_spent_on_a_row_cannot_be_given_up(client, locked):
    spend(client, locked, 3)
    refused = client.delete(address(locked))
    assert (refused.status_code, refused.json()["code"]) == (409, "HOLDOUT_SPENT")
    assert spent_on() == 3


def test_the_page_gives_the_lock_up(client, locked):
    words = client.post(f"/batches/{locked.id}/holdout/", {"intent": "giveUp"}, follow=True).content.decode()
    assert "given up" in words
    assert "Evaluate this row" not in words


def test_a_batch_without_locked_days_has_a_code_of_its_own(client, market, sweep):
    session = sweep(["WALK"])
    assert client.get(address(session)).json()["status"] == "none"
    assert (spend(client, session).status_code, spend(client, session).json()["code"]) == (409, "NO_HOLDOUT")


def test_a_running_batch_keeps_its_days_locked(client, market):
    session = jobs.submit({"strategy": "sma_cross", "symbols": ["WALK"], "holdout": 0.2})
    assert (spend(client, session).status_code, spend(client, session).json()["code"]) == (409, "STILL_ACTIVE")


def test_a_wrong_index_spends_nothing(client, locked):
    assert spend(client, locked, locked.total).status_code == 404
    for index in (-1, 1.5, "1", None, True, [0]):
        refused = spend(client, locked, index)
        assert (refused.status_code, refused.json()["details"][0]["field"]) == (422, "index")
    assert client.post(address(locked), "[]", content_type="application/json").status_code == 422
    assert Holdout.objects.get().spent_at is None


def test_a_failed_row_and_a_symbol_without_locked_bars_spend_nothing(client, market, sweep):
    store_prices("ENDED", walk(13, bars=300))
    session = sweep(["WALK", "ENDED"], holdout=EDGE)
    refused = spend(client, session, 25)
    assert (refused.status_code, refused.json()["code"]) == (422, "NO_LOCKED_BARS")
    assert Holdout.objects.get().spent_at is None
    assert LockedDays.objects.get().symbol == "WALK"


def test_two_owners_have_their_own_locks(client, market, settings):
    settings.ACCESS_MODE = "team"
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    body = {"strategy": "sma_cross", "symbols": ["WALK"], "holdout": EDGE}
    hers = jobs.finish(jobs.submit(body, owner=ann))
    his = jobs.finish(jobs.submit(body | {"holdout": None}, owner=bob))
    assert his.tested_until is None
    client.force_login(bob)
    assert client.get(address(hers)).status_code == spend(client, hers).status_code == 404
    assert client.post(f"/batches/{hers.id}/holdout/").status_code == 404
    client.force_login(ann)
    assert spend(client, hers).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_ledger_says_who_has_seen_the_locked_days(client, market, sweep):
    sweep(["WALK"], fees=0.01)
    body = {"strategy": "sma_cross", "symbols": ["WALK"], "holdout": EDGE}
    started = client.post("/api/backtest/batch", json.dumps(body), content_type="application/json").json()
    (note,) = (note for note in started["notes"] if "already seen" in note)
    session = jobs.finish(BatchSession.objects.get(pk=started["sessionId"]))
    assert note in client.get(f"/batches/{session.id}/").content.decode()
    assert client.get(address(session)).json()["notes"] == [note]
    assert spend(client, session).json()["notes"] == [note]


def test_a_spent_tail_is_said_to_the_next_request(client, locked, sweep):
    spend(client, locked)
    other = sweep(["WALK"], holdout=EDGE, fees=0.01)
    (note,) = client.get(address(other)).json()["notes"]
    assert "already spent once" in note
    assert client.get(address(locked)).json()["notes"] == []


def test_timeframes_and_path_strategies_are_spent_too(client, market, sweep):
    weekly = sweep(["WALK"], holdout=EDGE, timeframes=["1w"])
    answer = spend(client, weekly, 3).json()
    assert answer["range"]["from"] >= EDGE
    assert answer["timeframe"] == "1w"
    ranges = {"gridInterval": [0.05], "profitRequirement": [0.05]}
    path = sweep(["WALK"], strategy="grid_dca", parameterRanges=ranges, holdout=EDGE)
    assert spend(client, path).json()["metrics"]["finalEquity"] > 0


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_the_form_locks_by_percent_or_date_and_its_link_keeps_it(client, market):
    for text, link in (("20", "holdout=0.2"), ("20 %", "holdout=0.2"), (EDGE, f"holdout={EDGE}")):
        counted = client.post("/count/", {"form": "1", "symbols": "WALK", "holdoutPercent": text})
        assert link in counted["HX-Replace-Url"]
        assert f'value="{text.removesuffix(" %")}"' in client.get(counted["HX-Replace-Url"]).content.decode()
    page = client.post("/", {"form": "1", "symbols": "WALK", "holdoutPercent": "70"})
    assert page.status_code == 422
    assert "holdout must be" in page.content.decode()


def test_the_page_asks_before_it_spends_the_days(client, locked):
    page = client.get(f"/batches/{locked.id}/holdout/?index=4").content.decode()
    assert "Evaluate this row, once" in page
    assert 'name="index" value="4"' in page
    assert Holdout.objects.get().spent_at is None
    spent = client.post(f"/batches/{locked.id}/holdout/", {"index": "4"}, follow=True).content.decode()
    assert "cannot be repeated" in spent
    again = client.post(f"/batches/{locked.id}/holdout/", {"index": "5"}, follow=True).content.decode()
    assert "only once" in again
    assert spent_on() == 4


@pytest.mark.parametrize("index", ["x", "-1", "999", "9" * 30, "٣"])
def test_the_page_of_a_row_that_does_not_exist_spends_nothing(client, locked, index):
    assert "This row does not exist" in client.get(f"/batches/{locked.id}/holdout/?index={index}").content.decode()
    client.post(f"/batches/{locked.id}/holdout/", {"index": index})
    assert Holdout.objects.get().spent_at is None
