"""Timeframes on the form: what is built, how long a window is, and what cannot be tested."""

import pytest
from django.core.management import call_command

from batches.prices.synthetic import SYMBOL
from tests.support.market import store
from tests.support.page_reader import text_of

pytestmark = pytest.mark.usefixtures("queued")


@pytest.fixture
def minutes(db):
    call_command("load_sample")


def page(client, **fields):
    return client.get("/", {"symbols": SYMBOL, "fast": "5:20:5", "slow": "50,5000", **fields})


def note(response, name):
    return next(field for field in response.context["sweep"].ranges if field.html_name == name).note


def test_the_count_says_how_many_bars_each_timeframe_has(client, minutes):
    text = text_of(page(client, timeframes="5m, 1h"))
    assert "Bars 39,234 of 5m, 3,521 of 1h" in text
    assert "Bars 39" not in text_of(page(client))


def test_a_window_says_how_long_it_is_in_each_timeframe_within_a_day(client, minutes):
    response = page(client, timeframes="5m,1h,1d,9x")
    assert note(response, "fast") == "4 values: 5, 10, 15, 20. 20 bars: 1h 40m of 5m, 20h 0m of 1h"
    assert note(response, "slow").endswith("5,000 bars: 416h 40m of 5m, 5000h 0m of 1h")
    assert note(page(client, timeframes="1d"), "fast") == "4 values: 5, 10, 15, 20"


def test_percentages_have_no_length(client, minutes):
    response = page(client, strategy="grid_dca", timeframes="5m")
    assert all("of 5m" not in field.note for field in response.context["sweep"].ranges)


def test_a_timeframe_shorter_than_the_bars_is_one_sentence_for_all_symbols(client, minutes):
    response = client.get("/", {"timeframes": "5m,1d"})
    (error,) = response.context["sweep"].errors["timeframes"]
    assert error.startswith("5m cannot be tested: AAPL has longer bars, 1d. The bars of AMD, BAC, ")
    assert error.endswith(" and 11 more do not fit either.")


def test_symbols_that_can_be_tested_are_not_named(client, minutes):
    store("ACME")
    response = page(client, symbols=f"{SYMBOL},ACME", timeframes="30m")
    assert response.context["sweep"].errors["timeframes"] == ["30m cannot be tested: ACME has longer bars, 1d."]
