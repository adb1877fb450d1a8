"""The pages of prices as they come from the server, which is how they are without scripts."""

import gzip
import html
import io
import re
from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from batches import market_data, plan, price_drafts, retrying
from batches.models import (
    BatchSession,
    ChunkStatus,
    Instrument,
    InstrumentGroup,
    PriceImport,
    PriceSeries,
    ResultChunk,
)
from batches.price_import import read_prices, store_prices

from . import working

LONG = "symbol,date,close\nACME,2020-01-03,11\nACME,2020-01-02,10\nBOLT,2020-01-02,20\n"
PRICES = "/prices/"


def text_of(response):
    """What a reader sees, tags and runs of blanks left out."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def send(client, content, name="prices.csv", **more):
    data = content if isinstance(content, bytes) else content.encode()
    return client.post(f"{PRICES}import/", {"file": SimpleUploadedFile(name, data), "source": "a friend"}, **more)


@pytest.fixture
def draft(client, db):
    """Uploaded, not decided on: (the record, its page)."""
    response = send(client, LONG)
    assert response.status_code == 303
    return PriceImport.objects.get(), response["Location"]


# ---- an import -------------------------------------------------------------------------------------------------------


def test_an_upload_stores_no_price_before_it_is_confirmed(client, draft):
    record, page = draft
    assert (record.outcome, record.name, record.source, record.door) == ("waiting", "prices.csv", "a friend", "page")
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
    monkeypatch.setattr(price_drafts, "WAITING_AT_ONCE", 1)
    assert send(client, LONG).status_code == 429
    PriceImport.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert send(client, LONG).status_code == 303
    outcomes = [(each.outcome, each.content is None) for each in PriceImport.objects.all()]
    assert sorted(outcomes) == [("discarded", True), ("waiting", False)]


def test_an_import_through_the_api_is_recorded_too(client, db):
    client.post("/api/instruments", {"file": io.BytesIO(LONG.encode()), "source": "a script"})
    record = PriceImport.objects.get()
    assert (record.door, record.outcome, record.summary, record.size) == ("api", "stored", "2 added", len(LONG))


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


# ---- the instruments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
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
def test_instruments_are_searched_grouped_and_sorted(client, instruments, query, found):
    InstrumentGroup.objects.create(name="Banks").instruments.add(instruments["BOLT"])
    Instrument.objects.update(beta=1.0)
    Instrument.objects.filter(symbol="CORE").update(manual_beta=2.0)
    page = client.get(f"{PRICES}?{query}").content.decode()
    assert re.findall(r'<th scope="row"><a href="/prices/of/(\w+)/"', page) == found


def test_the_cost_of_the_list_does_not_grow_with_the_instruments(client, instruments, django_assert_max_num_queries):
    for symbol in instruments:
        InstrumentGroup.objects.create(name=symbol).instruments.add(instruments[symbol])
    with django_assert_max_num_queries(8):
        client.get(PRICES)


def test_many_instruments_are_put_into_a_group_and_taken_out_of_it(client, instruments):
    def groups():
        return {
            group.name: [each.symbol for each in group.instruments.all()] for group in InstrumentGroup.objects.all()
        }

    post = {"symbols": ["ACME", "BOLT"], "name": "Technology,  Big  ones", "intent": "add", "q": "o"}
    response = client.post(f"{PRICES}groups/", post)
    assert response["Location"] == f"{PRICES}?q=o"
    assert groups() == {"Big ones": ["ACME", "BOLT"], "Technology": ["ACME", "BOLT"]}
    client.post(f"{PRICES}groups/", {"symbols": ["ACME"], "name": "Technology", "intent": "remove"})
    client.post(f"{PRICES}groups/", {"symbols": ["ACME", "BOLT"], "name": "Big ones", "intent": "remove"})
    assert groups() == {"Technology": ["BOLT"]}
    for wrong in ({"name": "", "symbols": ["ACME"]}, {"name": "x"}, {"name": "x" * 41, "symbols": ["ACME"]}):
        client.post(f"{PRICES}groups/", wrong)
    assert groups() == {"Technology": ["BOLT"]}


def test_an_instrument_is_named_grouped_and_given_a_beta_and_the_beta_is_cleared(client, instruments):
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


@pytest.mark.parametrize("value", ["x", "nan", "inf", "1e9", "1,5"])
def test_a_manual_beta_that_is_no_number_is_refused_at_its_field(client, instruments, value):
    response = client.post(f"{PRICES}of/ACME/", {"name": "Changed", "groups": "", "manualBeta": value})
    assert response.status_code == 422
    assert f"The manual beta is '{value}'; a number from -100 to 100, or nothing, is wanted." in text_of(response)
    assert Instrument.objects.get(symbol="ACME").name == "ACME Ltd"


def test_the_page_of_an_instrument_tells_its_holes_and_its_versions(client, db):
    market = "date,SP500\n" + "".join(f"2020-01-{day:02},{day}\n" for day in (2, 3, 6, 7, 8, 9))
    store_prices(read_prices(market.encode(), name="m"), source="exchange")
    for source, close in (("first", 1), ("second", 2)):
        rows = f"date,ACME\n2020-01-02,{close}\n2020-01-07,1\n2020-01-09,1\n"
        store_prices(read_prices(rows.encode(), name="a"), source=source)
    shown = text_of(client.get(f"{PRICES}of/acme/"))
    assert "3 missing days" in shown
    assert "2020-01-03 to 2020-01-06 (2 days) 2020-01-08" in shown
    assert re.search(r"in use second .* first", shown)
    assert client.get(f"{PRICES}of/NOPE/").status_code == 404


def test_a_symbol_with_odd_signs_has_its_page(client, db):
    store_prices(read_prices(b"date,^GSPC,EUR/USD=X\n2020-01-02,1,2\n", name="m"), source="x")
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', client.get(PRICES).content.decode())
    assert [client.get(link).status_code for link in links] == [200, 200]


def test_a_beta_is_measured_against_a_chosen_benchmark_over_chosen_dates(client, instruments):
    wanted = client.get(
        "/api/instruments/beta?symbol=ACME&benchmark=SP500&startDate=2020-01-02&endDate=2020-06-30"
    ).json()
    assert wanted["firstDate"] == "2020-01-02"
    assert wanted["lastDate"] <= "2020-06-30"
    page = client.get(f"{PRICES}of/ACME/?benchmark=sp500&startDate=2020-01-02&endDate=2020-06-30")
    assert f"{wanted['beta']:.4f} against sp500, on {wanted['bars']} days" in text_of(page)
    assert "There are no prices for 'NOPE'" in text_of(client.get(f"{PRICES}of/ACME/?benchmark=NOPE"))


# ---- versions --------------------------------------------------------------------------------------------------------


def uploaded(client, closes):
    """Import one symbol's closes through the page."""
    days = np.busday_offset("2020-01-01", np.arange(len(closes)), roll="forward")
    rows = "".join(f"ACME,{day},{close!r}\n" for day, close in zip(days, closes.tolist(), strict=True))
    page = send(client, "symbol,date,close\n" + rows)["Location"]
    client.post(page, {"intent": "store"})


def test_a_batch_is_replayed_from_the_prices_it_ran_on_after_an_update_and_a_new_one_takes_the_new(client, db, queued):
    closes = np.round(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 300))), 2)
    uploaded(client, closes)
    body = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [3, 5], "slow": [10, 20]}}
    old = working.finish(working.submit(body))

    def replayed(session):
        found = [client.get(f"/api/backtest/batch/{session.pk}/results/{index}").json() for index in range(4)]
        return [(each["metrics"], each["equity"], each["trades"]) for each in found]

    before, rows = replayed(old), client.get(f"/api/backtest/batch/{old.pk}/results").json()["results"]
    assert "newer ones" not in text_of(client.get(f"/batches/{old.pk}/"))
    uploaded(client, closes[::-1])
    market_data.load_series.cache_clear()
    market_data.load_prices.cache_clear()
    plan._plans.clear()
    assert replayed(old) == before
    assert "newer ones have come since for ACME" in text_of(client.get(f"/batches/{old.pk}/"))
    new = working.finish(working.submit(body))
    assert replayed(new) != before
    assert client.get(f"/api/backtest/batch/{old.pk}/results").json()["results"] == rows
    assert "newer ones" not in text_of(client.get(f"/batches/{new.pk}/"))
    retried = working.finish(retrying.retry(_halved(old), now=timezone.now()))
    assert replayed(retried) == before  # a retry goes on with the prices of the batch it continues


def _halved(session):
    """As if it had been cancelled before its last chunk."""
    last = session.chunks.order_by("position").last()
    ResultChunk.objects.filter(pk=last.pk).update(status=ChunkStatus.WAITING, block=None)
    tests = last.stop - last.start
    BatchSession.objects.filter(pk=session.pk).update(status="cancelled", successful=F("successful") - tests)
    return working.reread(session)
