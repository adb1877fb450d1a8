"""An upload, its preview and the decision on it, as the pages come from the server."""

import gzip
import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from batches.models import (
    Instrument,
    PriceImport,
    PriceSeries,
)
from batches.prices import drafts
from batches.prices.importing import read_prices, store_prices
from tests.support.page_reader import text_of
from tests.support.price_uploads import LONG, PRICES, send


@pytest.fixture
def draft(client, db):
    """Uploaded, not decided on: (the record, its page)."""
    response = send(client, LONG)
    assert response.status_code == 303
    return PriceImport.objects.get(), response["Location"]


def test_an_upload_stores_no_price_before_it_is_confirmed(client, draft):
    record, page = draft
    assert (record.outcome, record.name, record.source, record.channel) == ("waiting", "prices.csv", "a friend", "page")
    assert not PriceSeries.objects.exists()
    shown = text_of(client.get(page))
    assert "2 symbols with 3 daily bars" in shown
    assert "Not in the order of time: line 3 (ACME on 2020-01-02)" in shown
    assert "ACME 2020-01-02 2020-01-03 2 close none new" in shown
    assert "waits for your decision" in text_of(client.get(PRICES))


def test_a_confirmed_import_is_stored_and_recorded(client, draft):
    record, page = draft
    response = client.post(page, {"intent": "store"}, follow=True)
    assert "prices.csv is imported: 2 added." in text_of(response)
    record.refresh_from_db()
    assert (record.outcome, record.summary, record.content) == ("stored", "2 added", None)
    assert Instrument.objects.get(symbol="ACME").series.source == "a friend"
    assert "This file is decided on: stored, 2 added" in text_of(client.get(page))
    assert "decided on already" in text_of(client.post(page, {"intent": "store"}))
    assert PriceSeries.objects.count() == 2


def test_a_discarded_import_stores_nothing_and_stays_known(client, draft):
    record, page = draft
    assert "prices.csv is discarded" in text_of(client.post(page, {"intent": "discard"}, follow=True))
    record.refresh_from_db()
    assert (record.outcome, record.content) == ("discarded", None)
    assert not PriceSeries.objects.exists()


def test_problems_are_told_with_their_lines_and_nothing_can_be_stored(client, db):
    page = send(client, LONG.replace(",20\n", ",-20\n"))["Location"]
    shown = text_of(client.get(page))
    assert "1 problem to mend" in shown
    assert "Line 4 : BOLT on 2020-01-02: close is -20; a number above zero is wanted" in shown
    assert "Import 2 symbols" not in shown
    assert "1 problem" in text_of(client.post(page, {"intent": "store"}))
    assert not PriceSeries.objects.exists()
    assert PriceImport.objects.get().outcome == "waiting"


def test_a_file_can_be_read_otherwise_before_it_is_stored(client, db):
    page = send(client, "wann,was,wieviel\n2020-01-02,ACME,5\n")["Location"]
    assert "there is no column 'date'" in text_of(client.get(page))
    given = {"layout": "long", "column.date": "wann", "column.symbol": "was", "column.close": "wieviel"}
    part = client.post(page, given | {"intent": "check"}, headers={"HX-Request": "true"})
    assert "1 symbol with 1 daily bars" in text_of(part)
    assert "<html" not in part.content.decode()
    assert not PriceSeries.objects.exists()
    client.post(page, given | {"intent": "store"})
    assert Instrument.objects.get().symbol == "ACME"


def test_the_preview_says_what_an_import_would_change(client, db):
    store_prices(read_prices(LONG.encode(), name="x"), source="x")
    page = send(client, LONG.replace("11", "12") + "CORE,2020-01-02,1\n")["Location"]
    shown = text_of(client.get(page))
    assert "2 close none a new version" in shown
    assert "BOLT 2020-01-02 2020-01-02 1 close none the same as now" in shown
    assert "CORE 2020-01-02 2020-01-02 1 close none new" in shown


def test_the_preview_and_the_api_tell_the_missing_days_with_the_line_before_them(client, db):
    file = "symbol,date,close\n" + "".join(f"SP500,2020-01-{day:02},{day}\n" for day in (2, 3, 6, 7, 8))
    file += "ACME,2020-01-08,1\nACME,2020-01-02,1\nACME,2020-01-06,1\nBOLT,2020-01-02,1\nBOLT,2020-01-06,1\n"
    shown = text_of(client.get(send(client, file)["Location"]))
    assert "3 days are missing (in 2 symbols): the first of ACME, 2020-01-03, after line 8." in shown
    assert "ACME 2020-01-02 2020-01-08 3 close 2 from 2020-01-03, after line 8 new" in shown
    answer = client.post("/api/instruments", {"file": io.BytesIO(file.encode())}).json()
    assert answer["notes"][-1].startswith("3 days are missing")
    assert {each["symbol"]: each["gaps"] for each in answer["instruments"]} == {"ACME": 2, "BOLT": 1, "SP500": 0}


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "Choose a file first|the file is empty"),
        (b"\x00\x01\x02", 422, "this is not text"),
        (gzip.compress(LONG.encode(), mtime=0)[:-9], 422, "the gzip archive is cut off"),
        (b"PAR1 nonsense", 422, "cannot be read as Parquet"),
    ],
)
def test_what_is_no_table_is_refused_at_once_and_leaves_nothing(client, db, content, status, words):
    for headers in ({}, {"Accept": "application/json"}):
        response = send(client, content, headers=headers)
        assert response.status_code == status
        assert re.search(words, text_of(response))
    assert not PriceImport.objects.exists()


def test_a_file_that_is_too_large_is_refused_by_name_of_the_limit(client, db, settings):
    settings.PRICES_MAX_BYTES = 20
    response = send(client, LONG)
    assert response.status_code == 413
    assert "at most 20 are read (PRICES_MAX_BYTES)" in text_of(response)


def test_a_script_gets_the_address_of_the_preview(client, db):
    response = send(client, LONG, headers={"Accept": "application/json"})
    assert response.status_code == 201
    assert client.get(response.json()["url"]).status_code == 200


def test_only_so_many_files_wait_and_none_for_more_than_a_day(client, draft, monkeypatch):
    monkeypatch.setattr(drafts, "WAITING_AT_ONCE", 1)
    assert send(client, LONG).status_code == 429
    PriceImport.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert send(client, LONG).status_code == 303
    outcomes = [(each.outcome, each.content is None) for each in PriceImport.objects.all()]
    assert sorted(outcomes) == [("discarded", True), ("waiting", False)]


def test_an_import_through_the_api_is_recorded_too(client, db):
    client.post("/api/instruments", {"file": io.BytesIO(LONG.encode()), "source": "a script"})
    record = PriceImport.objects.get()
    assert (record.channel, record.outcome, record.summary, record.size) == ("api", "stored", "2 added", len(LONG))


def test_a_refused_import_through_the_api_leaves_no_trace(client, db):
    assert client.post("/api/instruments", {"file": io.BytesIO(LONG[:-3].encode() + b"x")}).status_code == 422
    assert not PriceImport.objects.exists()


def test_the_admin_lists_imports_without_their_content(client, draft):
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:batches_priceimport_changelist"))
    assert "prices.csv" in page.content.decode()
    opened = client.get(reverse("admin:batches_priceimport_change", args=[draft[0].pk]))
    assert opened.status_code == 200
    assert "ACME" not in opened.content.decode()
