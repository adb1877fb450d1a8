"""An upload, its preview and its review, as rendered by the server."""

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
from batches.prices.importing import read_prices
from tests.support.page_reader import text_of
from tests.support.price_files import store_prices
from tests.support.price_uploads import LONG, PRICES, send


@pytest.fixture
def draft(client, db):
    """Awaiting review: (the record, its page)."""
    response = send(client, LONG)
    assert response.status_code == 303
    return PriceImport.objects.get(), response["Location"]


def test_an_upload_stores_no_price_before_it_is_confirmed(client, draft):
    record, page = draft
    assert (record.outcome, record.name, record.source, record.channel) == ("waiting", "prices.csv", "a friend", "page")
    assert not PriceSeries.objects.exists()
    text = text_of(client.get(page))
    assert "2 symbols with 3 daily bars" in text
    assert "Rows are not sorted by date: line 3 (ACME on 2020-01-02)" in text
    assert "ACME 2020-01-02 2020-01-03 2 close none new" in text
    assert "awaiting review" in text_of(client.get(PRICES))


def test_a_confirmed_import_is_stored_and_recorded(client, draft):
    record, page = draft
    response = client.post(page, {"intent": "store"}, follow=True)
    assert "Imported prices.csv: 2 added." in text_of(response)
    record.refresh_from_db()
    assert (record.outcome, record.summary, record.content) == ("stored", "2 added", None)
    assert Instrument.objects.get(symbol="ACME").series.source == "a friend"
    assert "This file was already reviewed: stored, 2 added" in text_of(client.get(page))
    assert "prices.csv was already imported or discarded" in text_of(client.post(page, {"intent": "store"}))
    assert PriceSeries.objects.count() == 2


def test_a_discarded_import_stores_nothing_and_keeps_its_record(client, draft):
    record, page = draft
    assert "Discarded prices.csv" in text_of(client.post(page, {"intent": "discard"}, follow=True))
    record.refresh_from_db()
    assert (record.outcome, record.content) == ("discarded", None)
    assert not PriceSeries.objects.exists()


def test_problems_are_shown_with_their_lines_and_prevent_the_import(client, db):
    page = send(client, LONG.replace(",20\n", ",-20\n"))["Location"]
    text = text_of(client.get(page))
    assert "1 problem to fix" in text
    assert "Line 4 : BOLT on 2020-01-02: close must be above 0, got -20" in text
    assert "Import 2 symbols" not in text
    assert "1 problem" in text_of(client.post(page, {"intent": "store"}))
    assert not PriceSeries.objects.exists()
    assert PriceImport.objects.get().outcome == "waiting"


def test_a_file_is_read_with_other_options_before_it_is_stored(client, db):
    page = send(client, "wann,was,wieviel\n2020-01-02,ACME,5\n")["Location"]
    assert "was must be a number, got 'ACME'" in text_of(client.get(page))
    options = {"layout": "long", "column.date": "wann", "column.symbol": "was", "column.close": "wieviel"}
    part = client.post(page, options | {"intent": "check"}, headers={"HX-Request": "true"})
    assert "1 symbol with 1 daily bars" in text_of(part)
    assert "<html" not in part.content.decode()
    assert not PriceSeries.objects.exists()
    client.post(page, options | {"intent": "store"})
    assert Instrument.objects.get().symbol == "ACME"


def test_the_preview_shows_what_an_import_would_change(client, db):
    store_prices(read_prices(LONG.encode(), name="x"), source="x")
    page = send(client, LONG.replace("11", "12") + "CORE,2020-01-02,1\n")["Location"]
    text = text_of(client.get(page))
    assert "2 close none new version" in text
    assert "BOLT 2020-01-02 2020-01-02 1 close none unchanged" in text
    assert "CORE 2020-01-02 2020-01-02 1 close none new" in text


def test_preview_and_api_report_missing_days_with_the_line_before(client, db):
    file = "symbol,date,close\n" + "".join(f"SP500,2020-01-{day:02},{day}\n" for day in (2, 3, 6, 7, 8))
    file += "ACME,2020-01-08,1\nACME,2020-01-02,1\nACME,2020-01-06,1\nBOLT,2020-01-02,1\nBOLT,2020-01-06,1\n"
    text = text_of(client.get(send(client, file)["Location"]))
    assert "3 missing days in 2 symbols, starting with ACME on 2020-01-03, after line 8." in text
    assert "ACME 2020-01-02 2020-01-08 3 close 2 from 2020-01-03, after line 8 new" in text
    answer = client.post("/api/instruments", {"file": io.BytesIO(file.encode())}).json()
    assert answer["notes"][-1].startswith("3 missing days")
    assert {entry["symbol"]: entry["gaps"] for entry in answer["instruments"]} == {"ACME": 2, "BOLT": 1, "SP500": 0}


@pytest.mark.parametrize(
    ("content", "status", "pattern"),
    [
        (b"", 422, "Choose a file first|the file is empty"),
        (b"\x00\x01\x02", 422, "this is not text"),
        (gzip.compress(LONG.encode(), mtime=0)[:-9], 422, "the gzip data is truncated"),
        (b"PAR1 nonsense", 422, "invalid Parquet"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_and_not_kept(client, db, content, status, pattern):
    for headers in ({}, {"Accept": "application/json"}):
        response = send(client, content, headers=headers)
        assert response.status_code == status
        assert re.search(pattern, text_of(response))
    assert not PriceImport.objects.exists()


def test_a_file_over_the_limit_is_refused_with_the_limit(client, db, settings):
    settings.PRICES_MAX_BYTES = 20
    response = send(client, LONG)
    assert response.status_code == 413
    assert "file must have at most 20 bytes (PRICES_MAX_BYTES), got" in text_of(response)
    assert "Compress it with gzip, or load it with manage.py load_prices" in text_of(response)


def test_a_script_gets_the_address_of_the_preview(client, db):
    response = send(client, LONG, headers={"Accept": "application/json"})
    assert response.status_code == 201
    assert client.get(response.json()["url"]).status_code == 200


def test_the_number_of_waiting_files_and_their_age_are_limited(client, draft, monkeypatch):
    monkeypatch.setattr(drafts, "MAX_WAITING", 1)
    assert send(client, LONG).status_code == 429
    PriceImport.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert send(client, LONG).status_code == 303
    outcomes = [(record.outcome, record.content is None) for record in PriceImport.objects.all()]
    assert sorted(outcomes) == [("discarded", True), ("waiting", False)]


def test_an_import_through_the_api_is_recorded(client, db):
    client.post("/api/instruments", {"file": io.BytesIO(LONG.encode()), "source": "a script"})
    record = PriceImport.objects.get()
    assert (record.channel, record.outcome, record.summary, record.size) == ("api", "stored", "2 added", len(LONG))


def test_a_refused_import_through_the_api_is_not_recorded(client, db):
    assert client.post("/api/instruments", {"file": io.BytesIO(LONG[:-3].encode() + b"x")}).status_code == 422
    assert not PriceImport.objects.exists()


def test_the_admin_lists_imports_without_their_content(client, draft):
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    page = client.get(reverse("admin:batches_priceimport_changelist"))
    assert "prices.csv" in page.content.decode()
    opened = client.get(reverse("admin:batches_priceimport_change", args=[draft[0].pk]))
    assert opened.status_code == 200
    assert "ACME" not in opened.content.decode()


def test_a_symbol_is_renamed_or_left_out_in_the_preview(client, db):
    page = send(client, "symbol,date,close\nACME,2020-01-02,1\nBOLT,2020-01-02,2\nM&M,2020-01-02,3\n")["Location"]
    assert 'name="rename.M&amp;M" value="M&amp;M"' in client.get(page).content.decode()
    options = {"rename.ACME": "ÄPFEL INC", "rename.BOLT": "", "rename.M&M": "M&M"}
    preview = client.post(page, options)
    assert "2 symbols with 2 daily bars" in text_of(preview)
    fields = preview.content.decode()
    assert 'name="rename.ACME" value="ÄPFEL INC"' in fields
    assert 'name="rename.BOLT" value=""' in fields  # can be taken back
    client.post(page, options | {"intent": "store"})
    assert set(Instrument.objects.values_list("symbol", flat=True)) == {"ÄPFEL INC", "M&M"}


def test_a_name_that_cannot_be_a_symbol_does_not_cost_the_file(client, db):
    long = "F" * 65
    page = send(client, f"symbol,date,close\nACME,2020-01-02,1\n{long},2020-01-02,2\n")["Location"]
    preview = client.get(page)
    assert "1 problem to fix" in text_of(preview)
    assert f'name="rename.{long}" value="{long}"' in preview.content.decode()
    client.post(page, {f"rename.{long}": "FFF", "intent": "store"})
    assert set(Instrument.objects.values_list("symbol", flat=True)) == {"ACME", "FFF"}


def test_other_columns_are_detected_anew_when_the_header_line_changes(client, db):
    page = send(client, "one,two\nx,y\ndate,close\n2020-01-02,5\n", "NEW.csv")["Location"]
    first = client.get(page).context
    shown = {"shownFormat": first["shown_format"], "shownDates": first["shown_dates"], "layout": "wide"}
    shown |= {f"column.{role}": column for role, _, column in first["roles"]}
    preview = client.post(page, shown | {"header": "3"})
    assert "NEW 2020-01-02 2020-01-02 1" in text_of(preview)
    wrong = client.post(page, {"header": "400"})
    assert wrong.status_code == 200
    assert "problem" in text_of(wrong)


def test_the_message_of_an_import_links_to_a_test_of_its_symbols(client, draft):
    done = client.post(draft[1], {"intent": "store"}, follow=True)
    link = re.findall(r'<a href="(/\?symbols=[^"]*)">Test these</a>', done.content.decode())[0]
    assert client.get(link).context["sweep"].choice.symbols == ["ACME", "BOLT"]
