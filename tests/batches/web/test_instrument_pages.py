"""The list of instruments and the page of one, as rendered by the server, without scripts."""

import re

import pytest

from batches.models import (
    Instrument,
    InstrumentGroup,
)
from batches.prices.importing import read_prices
from tests.support.page_reader import text_of
from tests.support.price_files import store_prices
from tests.support.price_uploads import PRICES


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("", ["ACME", "BOLT", "CORE", "SP500"]),
        ("q=ol", ["BOLT"]),
        ("q=core+ltd", ["CORE"]),
        ("q=%00%25", []),
        ("group=Banks", ["BOLT"]),
        ("group=nope", []),
        ("sort=-bars", ["ACME", "SP500", "BOLT", "CORE"]),
        ("sort=nonsense", ["ACME", "BOLT", "CORE", "SP500"]),
        ("sort=-beta", ["CORE", "ACME", "BOLT", "SP500"]),
    ],
)
def test_instruments_are_searched_filtered_and_sorted(client, instruments, query, symbols):
    InstrumentGroup.objects.create(name="Banks").instruments.add(instruments["BOLT"])
    Instrument.objects.update(beta=1.0)
    Instrument.objects.filter(symbol="CORE").update(manual_beta=2.0)
    page = client.get(f"{PRICES}?{query}").content.decode()
    assert re.findall(r'<th scope="row"><a href="/prices/of/(\w+)/"', page) == symbols


def test_the_number_of_queries_of_the_list_is_constant(client, instruments, django_assert_max_num_queries):
    for symbol in instruments:
        InstrumentGroup.objects.create(name=symbol).instruments.add(instruments[symbol])
    with django_assert_max_num_queries(8):
        client.get(PRICES)


def test_many_instruments_are_added_to_groups_and_removed(client, instruments):
    def groups():
        return {group.name: [row.symbol for row in group.instruments.all()] for group in InstrumentGroup.objects.all()}

    post = {"symbols": ["ACME", "BOLT"], "name": "Technology,  Big  ones", "intent": "add", "q": "o"}
    response = client.post(f"{PRICES}groups/", post)
    assert response["Location"] == f"{PRICES}?q=o"
    assert groups() == {"Big ones": ["ACME", "BOLT"], "Technology": ["ACME", "BOLT"]}
    client.post(f"{PRICES}groups/", {"symbols": ["ACME"], "name": "Technology", "intent": "remove"})
    client.post(f"{PRICES}groups/", {"symbols": ["ACME", "BOLT"], "name": "Big ones", "intent": "remove"})
    assert groups() == {"Technology": ["BOLT"]}
    for invalid in ({"name": "", "symbols": ["ACME"]}, {"name": "x"}, {"name": "x" * 41, "symbols": ["ACME"]}):
        client.post(f"{PRICES}groups/", invalid)
    assert groups() == {"Technology": ["BOLT"]}


def test_name_groups_and_beta_are_edited_and_the_beta_is_cleared(client, instruments):
    page = f"{PRICES}of/ACME/"
    before = instruments["ACME"].updated_at
    client.post(page, {"name": "Acme  Corp", "groups": "Tools, Tools, Steel", "manualBeta": "1.75"})
    acme = Instrument.objects.get(symbol="ACME")
    assert (acme.name, acme.manual_beta, acme.updated_at) == ("Acme Corp", 1.75, before)
    assert [group.name for group in acme.groups.all()] == ["Steel", "Tools"]
    assert client.get("/api/instruments").json()["instruments"][0]["beta"] == 1.75
    client.post(page, {"name": "Acme", "groups": "", "manualBeta": "1.75", "intent": "clear"})
    acme.refresh_from_db()
    assert acme.manual_beta is None
    assert not InstrumentGroup.objects.exists()


@pytest.mark.parametrize("value", ["x", "nan", "inf", "1e9", "1,5,5"])
def test_an_invalid_manual_beta_is_refused_at_its_field(client, instruments, value):
    response = client.post(f"{PRICES}of/ACME/", {"name": "Changed", "groups": "", "manualBeta": value})
    assert response.status_code == 422
    assert f"Manual beta must be between -100 and 100, or empty, got '{value}'." in text_of(response)
    assert Instrument.objects.get(symbol="ACME").name == "ACME Ltd"


@pytest.mark.parametrize(("text", "beta"), [("1,75", 1.75), ("\u22120.5", -0.5), ("1.234", 1.234), ("1,234", 1.234)])
def test_a_manual_beta_is_read_as_the_numbers_of_the_form(client, instruments, text, beta):
    client.post(f"{PRICES}of/ACME/", {"name": "", "groups": "", "manualBeta": text})
    assert Instrument.objects.get(symbol="ACME").manual_beta == beta


def test_the_page_shows_gaps_and_versions(client, db):
    market = "date,SP500\n" + "".join(f"2020-01-{day:02},{day}\n" for day in (2, 3, 6, 7, 8, 9))
    store_prices(read_prices(market.encode(), name="m"), source="exchange")
    for source, close in (("first", 1), ("second", 2)):
        rows = f"date,ACME\n2020-01-02,{close}\n2020-01-07,1\n2020-01-09,1\n"
        store_prices(read_prices(rows.encode(), name="a"), source, "replace")
    text = text_of(client.get(f"{PRICES}of/acme/"))
    assert "3 missing days" in text
    assert "2020-01-03 to 2020-01-06 (2 days) 2020-01-08" in text
    assert re.search(r"in use second .* first", text)
    assert client.get(f"{PRICES}of/NOPE/").status_code == 404


def test_a_symbol_with_special_characters_has_its_page(client, db):
    store_prices(read_prices(b"date,^GSPC,EUR/USD=X\n2020-01-02,1,2\n", name="m"), source="x")
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', client.get(PRICES).content.decode())
    assert [client.get(link).status_code for link in links] == [200, 200]


def test_a_beta_is_measured_against_a_chosen_benchmark_over_chosen_dates(client, instruments):
    answer = client.get(
        "/api/instruments/beta?symbol=ACME&benchmark=SP500&startDate=2020-01-02&endDate=2020-06-30"
    ).json()
    assert answer["firstDate"] == "2020-01-02"
    assert answer["lastDate"] <= "2020-06-30"
    page = client.get(f"{PRICES}of/ACME/?benchmark=sp500&startDate=2020-01-02&endDate=2020-06-30")
    assert f"{answer['beta']:.4f} against sp500, on {answer['bars']} common days" in text_of(page)
    assert "There are no prices for 'NOPE'" in text_of(client.get(f"{PRICES}of/ACME/?benchmark=NOPE"))
