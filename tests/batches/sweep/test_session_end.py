"""Flat at the end of the session, from the request to the trades."""

import json

import numpy as np
import pytest
from django.core.management import call_command

from batches.prices.synthetic import SYMBOL
from batches.results.replay import combination
from batches.sweep.plan import plan_of
from tests.support import jobs
from tests.support.market import store
from tests.support.page_reader import text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")
BODY = {
    "strategy": "sma_cross", "symbols": [SYMBOL], "timeframes": ["30m"], "startDate": "2022-09-01",
    "parameterRanges": {"fast": [3, 5], "slow": [10]}, "flatAtSessionEnd": True,
}  # fmt: skip


@pytest.fixture
def minutes(db):
    call_command("load_sample")


def estimate(client, **changes):
    return client.post("/api/backtest/batch/estimate", json.dumps(BODY | changes), content_type="application/json")


def test_a_batch_holds_nothing_overnight_and_says_so(client, minutes):
    session = jobs.finish(jobs.submit(BODY))
    assert (session.status, session.successful) == ("complete", 2)
    played = combination(session, 0)
    days = plan_of(session).prices(0).trading_days
    last = np.flatnonzero(np.diff(days))
    assert not np.array(played["exposure"])[last].any()
    assert np.array(played["exposure"]).any()
    assert "Overnight flat at the end of each session" in text_of(client.get(url(session, "detail")))
    page = text_of(client.get(url(session, "combination", 0)))
    assert '"flatAtSessionEnd": true' in page
    assert "flat_at_session_end=True," in page


def test_a_request_without_the_rule_is_stored_as_before(minutes):
    session = jobs.submit(BODY | {"flatAtSessionEnd": False})
    assert "flatAtSessionEnd" not in session.request
    assert plan_of(session).rules.flat_at_session_end is False
    assert jobs.submit(BODY).request["flatAtSessionEnd"] is True


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"timeframes": ["1h", "1d"]}, "on bars within a day only. 1d is not."),
        (
            {"timeframes": None, "symbols": ["ACME"], "startDate": None},
            "on bars within a day only. Those of ACME are not.",
        ),
        ({"strategy": "grid_dca", "parameterRanges": {}}, "grid_dca cannot be flat at the end of each session"),
        ({"flatAtSessionEnd": "maybe"}, "flatAtSessionEnd must be"),
    ],
)
def test_what_cannot_be_flat_is_refused_at_its_field(client, minutes, changes, says):
    store("ACME")
    answer = estimate(client, **changes)
    assert answer.status_code in (400, 422)
    (detail,) = answer.json()["details"]
    assert detail["field"] == "flatAtSessionEnd"
    assert says in detail["message"]


def test_the_form_and_its_link_hold_the_switch(client, minutes):
    link = {"symbols": SYMBOL, "timeframes": "5m", "flatAtSessionEnd": "true"}
    sweep = client.get("/", link).context["sweep"]
    assert sweep.request.flat_at_session_end is True
    assert "flatAtSessionEnd=true" in sweep.query()
    assert "flatAtSessionEnd" not in client.get("/", {"symbols": SYMBOL}).context["sweep"].query()
    response = client.get("/", {"flatAtSessionEnd": "true"})
    (error,) = response.context["sweep"].errors["flat_at_session_end"]
    assert "Those of AAPL are not." in error
