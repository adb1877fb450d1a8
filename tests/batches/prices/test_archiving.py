"""Archived instruments are not offered to new batches, on any way in; their batches stay, and they can be restored."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.http import QueryDict

from batches.models import BatchSession, Instrument, InstrumentGroup
from batches.prices.archiving import set_archived
from batches.web.forms.symbol_choice import SymbolChoice
from batches.web.forms.symbol_search import search_symbols
from tests.support import jobs
from tests.support.page_reader import text_of
from tests.support.price_files import read, store_prices

BODY = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [2], "slow": [5]}}


@pytest.fixture
def stored(db):
    rows = [f"{symbol},2020-01-{day:02},{day}" for symbol in ("ACME", "BOLT", "CORK") for day in range(1, 29)]
    store_prices(read("\n".join(["symbol,date,close", *rows])))
    InstrumentGroup.objects.create(name="Makers").instruments.set(Instrument.objects.exclude(symbol="CORK"))


@pytest.fixture
def archived(stored):
    set_archived(["acme"], archived=True)


def change(client, symbol, body):
    return client.patch(f"/api/instruments/{symbol}", body, content_type="application/json")


def listed(client, query=""):
    return [entry["symbol"] for entry in client.get(f"/api/instruments{query}").json()["instruments"]]


def chosen(query):
    return SymbolChoice(QueryDict(query), sent_by_form=False).symbols


def test_the_api_archives_and_restores(client, stored):
    answer = change(client, "acme", {"archived": True})
    assert (answer.status_code, answer.json()["instrument"]["archived"]) == (200, True)
    assert listed(client) == ["BOLT", "CORK"]
    assert listed(client, "?archived=true") == ["ACME"]
    assert change(client, "ACME", {"archived": False}).json()["instrument"]["archived"] is False
    assert listed(client) == ["ACME", "BOLT", "CORK"]
    assert listed(client, "?archived=true") == []


@pytest.mark.parametrize("body", [{}, {"archived": 1}, {"archived": "yes"}, {"archived": True, "name": "x"}, []])
def test_another_change_is_refused_and_changes_nothing(client, stored, body):
    answer = change(client, "ACME", body)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "archived")
    assert not Instrument.objects.filter(is_archived=True).exists()


def test_an_unknown_instrument_or_filter_is_refused(client, stored):
    assert change(client, "NONE", {"archived": True}).status_code == 404
    refused = client.get("/api/instruments?archived=maybe")
    assert refused.status_code == 422
    assert "archived must be true or false, got" in refused.json()["error"]


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("symbols=*", ["BOLT", "CORK"]),
        ("group=Makers", ["BOLT"]),
        ("", ["BOLT", "CORK"]),
        ("symbols=ACME,CORK", ["ACME", "CORK"]),  # named on purpose
    ],
)
def test_the_form_chooses_an_archived_instrument_only_by_name(archived, query, symbols):
    assert chosen(query) == symbols


@pytest.mark.parametrize("max_chips", [1, 200])
def test_the_form_offers_no_archived_instrument_but_a_named_one(archived, monkeypatch, max_chips):
    monkeypatch.setattr("batches.web.forms.symbol_choice.MAX_CHIPS", max_chips)
    offered = SymbolChoice(QueryDict("symbols=BOLT"), sent_by_form=False).chips
    assert "ACME" not in [chip.symbol for chip in offered]
    named = SymbolChoice(QueryDict("symbols=ACME"), sent_by_form=False).chips
    assert [chip.symbol for chip in named if chip.checked] == ["ACME"]


def test_a_search_and_a_group_of_archived_ones_find_nothing(archived):
    assert search_symbols("acme").total == 0
    assert search_symbols("makers").total == 1
    set_archived(["BOLT"], archived=True)
    assert SymbolChoice(QueryDict("symbols=CORK"), sent_by_form=False).groups == []


def test_its_batches_stay_and_a_request_may_name_it(client, stored, queued):
    session = jobs.submit(BODY)
    jobs.finish(session)
    set_archived(["ACME"], archived=True)
    assert BatchSession.objects.get().pk == session.pk
    assert client.get(f"/batches/{session.pk}/results/0/").status_code == 200
    estimate = client.post("/api/backtest/batch/estimate", BODY, content_type="application/json").json()
    assert estimate["total"] == 1


def test_an_import_keeps_the_flag(archived):
    store_prices(read("symbol,date,close\nACME,2020-01-29,30\n"))
    assert Instrument.objects.get(symbol="ACME").is_archived


def test_the_page_archives_and_restores(client, stored):
    address, query = "/prices/groups/", "/prices/?archived=1"
    said = text_of(client.post(address, {"symbols": ["ACME", "BOLT"], "intent": "archive"}, follow=True))
    assert "Archived ACME, BOLT." in said
    assert "2 archived instruments" in said
    assert "1–1 of 1" in said
    assert "Restore selected" in text_of(client.get(query))
    assert "Archived: new batches are not offered it." in text_of(client.get("/prices/of/ACME/"))
    said = text_of(client.post(address, {"symbols": ["ACME"], "intent": "restore", "archived": "1"}, follow=True))
    assert "Restored ACME." in said
    assert "1–1 of 1" in said
    assert "Archived:" not in text_of(client.get("/prices/of/ACME/"))


def test_a_viewer_may_not_archive(client, stored, settings, django_user_model):
    settings.ACCESS_MODE = "team"
    client.force_login(django_user_model.objects.create_user("vera"))
    assert change(client, "ACME", {"archived": True}).status_code == 403
    assert client.post("/prices/groups/", {"symbols": ["ACME"], "intent": "archive"}).status_code == 403
    assert not Instrument.objects.filter(is_archived=True).exists()


def test_the_command_archives_and_restores(stored):
    out = StringIO()
    call_command("archive_prices", "acme", "BOLT", stdout=out)
    call_command("archive_prices", "BOLT", "--restore", stdout=out)
    assert out.getvalue().split() == ["ACME,", "BOLT:", "archived", "BOLT:", "restored"]
    assert list(Instrument.objects.filter(is_archived=True).values_list("symbol", flat=True)) == ["ACME"]
    with pytest.raises(CommandError, match="instrument"):
        call_command("archive_prices", "NONE")
