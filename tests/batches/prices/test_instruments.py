"""Instruments: their groups, gaps and betas, and the page that shows them."""

import numpy as np
import pytest

from batches.models import Instrument, InstrumentGroup
from batches.prices import beta
from batches.prices.importing import read_prices, store_prices
from batches.prices.series import instruments as stored_instruments


def store(text):
    """Prices as from a file."""
    return store_prices(read_prices(text.encode(), name="prices.csv"), source="a test")


def test_the_catalogue_names_the_groups_of_each_instrument(client, instruments, django_assert_num_queries):
    InstrumentGroup.objects.create(name="Technology").instruments.add(instruments["ACME"], instruments["BOLT"])
    InstrumentGroup.objects.create(name="Banks").instruments.add(instruments["BOLT"])
    entries = {each["symbol"]: each for each in client.get("/api/instruments").json()["instruments"]}
    assert entries["BOLT"]["groups"] == ["Banks", "Technology"]
    assert entries["CORE"]["groups"] == []
    with django_assert_num_queries(2):
        assert [len(each.groups.all()) for each in stored_instruments()] == [1, 2, 0, 0]


def test_a_group_that_goes_takes_no_instrument_with_it(instruments):
    group = InstrumentGroup.objects.create(name="Technology")
    group.instruments.add(instruments["ACME"])
    group.delete()
    assert {each.symbol for each in stored_instruments()} >= {"ACME"}


# ---- gaps ------------------------------------------------------------------------------------------------------------


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def test_a_gap_is_a_day_that_the_benchmark_has_between_the_first_and_the_last_bar():
    market = days("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08")
    own = days("2020-01-03", "2020-01-04", "2020-01-07")  # listed later, ended earlier, traded on a Saturday
    assert list(beta.gaps(own, market)) == list(days("2020-01-06"))


@pytest.mark.parametrize("market", [None, days("2019-01-02"), days("2021-01-04")], ids=["none", "before", "after"])
def test_without_a_benchmark_weekdays_are_wanted_and_two_in_a_row_are_taken_for_holidays(market):
    own = days("2020-01-02", "2020-01-03", "2020-01-08", "2020-01-13")  # 6 and 7, then 9 and 10 are missing
    assert list(beta.gaps(own, market)) == []
    own = days("2020-01-03", "2020-01-09")
    assert list(beta.gaps(own, market)) == list(days("2020-01-06", "2020-01-07", "2020-01-08"))


def test_gaps_are_counted_when_prices_come_and_again_when_the_benchmark_does(db):
    store("date,ACME\n2020-01-02,1\n2020-01-03,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 0
    store("date,SP500\n2020-01-02,1\n2020-01-03,1\n2020-01-06,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 1
    store("date,ACME\n2020-01-02,1\n2020-01-03,1\n2020-01-06,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 0
