"""What is allowed and rarely meant is said before the sweep runs: on the form, in the estimate and in the answer."""

import json
from datetime import date

import pytest
from django.urls import reverse

from batches.errors import InvalidRequest
from batches.models import PriceSeries
from batches.running import estimating
from batches.sweep.notes import Period, batch_notes
from batches.sweep.start_request import parse_start
from tests.support import jobs
from tests.support.page_reader import posted, text_of

pytestmark = pytest.mark.usefixtures("queued", "published")
BATCH = "/api/backtest/batch"


def notes(body):
    return estimating.estimate(parse_start(body)).notes


@pytest.fixture
def alike(start):
    """A request about which there is nothing to say."""
    return lambda **changes: start(symbols=["ACME", "BOLT"], **changes)


def test_an_ordinary_sweep_has_no_notes(alike):
    assert notes(alike()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fees": 0.1}, "fees: 0.1 is 10.0% of the traded value on each side"),
        ({"slippage": 0.2}, "slippage: 0.2 is 20.0% of the price"),
    ],
)
def test_a_large_cost_is_accepted_with_a_note(alike, change, words):
    assert words in notes(alike(**change))[0]
    assert notes(alike(**dict.fromkeys(change, 0.05))) == []


def test_beta_scaling_without_a_percentage_is_said_to_repeat_the_tests(alike):
    scaled = {"enableBetaScaling": True, "coefficients": [0.5, 1, 1.5]}
    assert "each test runs 3 times" in notes(alike(**scaled))[0]
    ranges = alike()["parameterRanges"] | {"stopLoss": [0.1]}
    assert notes(alike(parameterRanges=ranges, **scaled)) == []


def test_a_symbol_from_right_to_left_does_not_turn_its_dates_around():
    period = Period("شركة", date(2015, 1, 5), date(2020, 10, 2))
    assert str(period) == "\u2068شركة\u2069 2015-01-05 to 2020-10-02"


def test_symbols_with_different_periods_are_named_with_what_they_have_in_common(start):
    (note,) = notes(start())
    first, last = PriceSeries.objects.filter(symbol="CORE").values_list("first_date", "last_date").get()
    assert f"CORE {first} to {last}" in note
    assert f"All 3 have bars from {first} to {last}." in note
    assert notes(start(startDate=str(first))) == []


@pytest.mark.django_db(transaction=True)
def test_every_door_shows_the_notes(client, start):
    body = json.dumps(start(fees=0.1))
    words = "fees: 0.1 is 10.0%"
    estimate = client.post(f"{BATCH}/estimate", body, content_type="application/json").json()
    started = client.post(BATCH, body, content_type="application/json").json()
    assert words in estimate["notes"][0]
    assert started["notes"] == estimate["notes"][:1]  # the period of each symbol is told before, and on the page
    assert words in text_of(client.get(started["pageUrl"]))
    form = posted(feesPercent="10")
    assert words in text_of(client.post(reverse("batches:count"), form))
    assert words in text_of(client.post("/", form | {"intent": "count"}))


def test_an_answer_without_notes_has_no_such_field(client, alike):
    response = client.post(f"{BATCH}/estimate", json.dumps(alike()), content_type="application/json")
    assert "notes" not in response.json()


def test_the_notes_of_a_batch_outlive_its_strategy_and_its_instruments(alike):
    session = jobs.submit(alike(fees=0.1, enableBetaScaling=True, coefficients=[1]))
    session.strategy = session.request["strategy"] = "gone"
    session.instruments = [{"symbol": "GONE", "seriesId": 0, "bars": 1, "beta": None}]
    assert len(batch_notes(session)) == 1


def refusal(body):
    with pytest.raises(InvalidRequest) as caught:
        estimating.estimate(parse_start(body))
    (detail,) = caught.value.details
    assert detail.field == "startDate"
    return detail.message


def test_all_symbols_without_bars_are_named_with_what_can_be_tested(start):
    message = refusal(start(endDate="2019-07-31"))
    assert message.startswith("CORE has no bars from the start to 2019-07-31; it has 2020-")
    assert "All 3 have bars from 2020-" in message
    message = refusal(start(startDate="2021-02-01"))
    assert message.startswith("3 symbols have no bars from 2021-02-01 to the end: ACME (it has 2019-")
    assert "CORE (it has 2020-" in message
    only = refusal(start(symbols=["CORE"], endDate="2019-07-31"))
    assert "All" not in only


def test_symbols_without_a_common_day_are_said_to_have_none(start):
    PriceSeries.objects.filter(symbol="BOLT").update(first_date="2000-01-03", last_date="2001-01-02")
    message = refusal(start(startDate="2002-01-01"))
    assert "BOLT has no bars" in message
    assert "The 3 symbols have no day in common. Leave out what has no bars, or change the dates." in message


def test_a_stop_above_its_bounds_is_refused_with_its_unit(alike):
    with pytest.raises(InvalidRequest, match=r"between 0 and 0.99 \(a fraction: 0.05 is 5%\), got 5"):
        parse_start(alike(parameterRanges=alike()["parameterRanges"] | {"stopLoss": [5]}))


def test_all_symbols_without_a_beta_are_named(start):
    body = start(startDate="2020-12-30", enableBetaScaling=True, coefficients=[1])
    with pytest.raises(InvalidRequest, match="ACME, BOLT, CORE have no beta against SP500 over the tested dates"):
        estimating.estimate(parse_start(body))
