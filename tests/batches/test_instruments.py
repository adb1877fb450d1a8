"""Instruments: their groups, gaps and betas, and the page that shows them."""

from batches.market_data import instruments as stored_instruments
from batches.models import InstrumentGroup


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
