"""A locked tail: nothing is computed on it until one row is, once. test_holdout_leaks.py has each kind of leak."""

import json
from datetime import date

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from backtester.engine import replay
from batches.errors import InvalidRequest
from batches.models import BatchSession, Holdout, LockedDays
from batches.prices.series import load_prices
from batches.running import submission
from batches.sweep.plan import plan_of
from batches.sweep.start_request import StartRequest, parse_start
from tests.batches.verdict.conftest import store_prices, walk
from tests.batches.verdict.locked_days import EDGE, address, spend, spent_on
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")

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
