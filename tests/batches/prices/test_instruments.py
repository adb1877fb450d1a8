"""Instruments: their groups, gaps and betas, and the page that shows them."""

import numpy as np
import pytest

from batches.models import Instrument, InstrumentGroup
from batches.prices.importing import read_prices
from batches.prices.missing_days import missing_days
from batches.prices.series import instruments as stored_instruments
from tests.support.price_files import store_prices


def store(text):
    return store_prices(read_prices(text.encode(), name="prices.csv"))


def test_the_catalogue_names_the_groups_of_each_instrument(client, instruments, django_assert_num_queries):
    InstrumentGroup.objects.create(name="Technology").instruments.add(instruments["ACME"], instruments["BOLT"])
    InstrumentGroup.objects.create(name="Banks").instruments.add(instruments["BOLT"])
    entries = {entry["symbol"]: entry for entry in client.get("/api/instruments").json()["instruments"]}
    assert entries["BOLT"]["groups"] == ["Banks", "Technology"]
    assert entries["CORE"]["groups"] == []
    with django_assert_num_queries(2):
        assert [len(instrument.groups.all()) for instrument in stored_instruments()] == [1, 2, 0, 0]


def test_deleting_a_group_deletes_no_instrument(instruments):
    group = InstrumentGroup.objects.create(name="Technology")
    group.instruments.add(instruments["ACME"])
    group.delete()
    assert {instrument.symbol for instrument in stored_instruments()} >= {"ACME"}


# ---- missing days ----------------------------------------------------------------------------------------------------


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def test_a_day_of_the_benchmark_without_a_bar_is_missing():
    market = days("2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08")
    own = days("2020-01-03", "2020-01-04", "2020-01-07")  # listed later, ended earlier, traded on a Saturday
    assert list(missing_days(own, market)) == list(days("2020-01-06"))


@pytest.mark.parametrize("market", [None, days("2019-01-02"), days("2021-01-04")], ids=["none", "before", "after"])
def test_without_a_benchmark_two_missing_weekdays_in_a_row_are_holidays(market):
    own = days("2020-01-02", "2020-01-03", "2020-01-08", "2020-01-13")  # 6 and 7, then 9 and 10 are missing
    assert list(missing_days(own, market)) == []
    own = days("2020-01-03", "2020-01-09")
    assert list(missing_days(own, market)) == list(days("2020-01-06", "2020-01-07", "2020-01-08"))


def test_missing_days_are_counted_on_import_and_again_when_the_benchmark_arrives(db):
    store("date,ACME\n2020-01-02,1\n2020-01-03,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 0
    store("date,SP500\n2020-01-02,1\n2020-01-03,1\n2020-01-06,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 1
    store("date,ACME\n2020-01-02,1\n2020-01-03,1\n2020-01-06,1\n2020-01-07,1\n")
    assert Instrument.objects.get(symbol="ACME").gaps == 0
