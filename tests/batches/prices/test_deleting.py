"""Instruments and versions are deleted from page, API and command; batches keep what they need."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from batches.models import BatchSession, Instrument, InstrumentGroup, PriceImport, PriceSeries
from batches.prices import series
from batches.running import lifecycle, watchdog
from batches.sweep import plan
from tests.batches.verdict.conftest import judge
from tests.support import jobs
from tests.support.page_reader import text_of
from tests.support.price_files import read, store_prices
from tests.support.price_uploads import LONG, send

BODY = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [2], "slow": [5]}}


@pytest.fixture
def stored(db):
    def closes(change):
        return "symbol,date,close\n" + "".join(
            f"{symbol},2020-01-{day:02},{10 + day % 5 + change}\n"
            for symbol in ("ACME", "BOLT")
            for day in range(1, 29)
        )

    for change in (0, 1, 2):
        store_prices(read(closes(change)), on_overlap="replace")


def forget():
    series.cache.clear()
    plan._plans.clear()


def test_a_deleted_instrument_leaves_the_lists_with_its_versions(client, stored):
    InstrumentGroup.objects.create(name="Makers").instruments.set(Instrument.objects.filter(symbol="ACME"))
    answer = client.delete("/api/instruments/acme")
    assert answer.json() == {"success": True, "symbol": "ACME", "deletedVersions": 3, "keptVersions": 0}
    assert [entry["symbol"] for entry in client.get("/api/instruments").json()["instruments"]] == ["BOLT"]
    assert not PriceSeries.objects.filter(symbol="ACME").exists()
    assert not InstrumentGroup.objects.exists()
    again = client.delete("/api/instruments/ACME")
    assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
    start = client.post("/api/backtest/batch", BODY, content_type="application/json")
    assert start.status_code == 422


def test_an_active_batch_prevents_the_deletion(client, stored, queued):
    session = jobs.submit(BODY)
    refused = client.delete("/api/instruments/ACME")
    assert (refused.status_code, refused.json()["code"]) == (409, "INSTRUMENT_IN_USE")
    assert "A running batch uses ACME" in refused.json()["error"]
    assert Instrument.objects.filter(symbol="ACME").exists()
    jobs.finish(session)
    assert client.delete("/api/instruments/ACME").status_code == 200


def test_an_ended_batch_keeps_its_results_and_its_version(client, stored, queued):
    session = jobs.finish(jobs.submit(BODY))
    before = client.get(f"/api/backtest/batch/{session.pk}/results/0").json()
    assert client.delete("/api/instruments/ACME").json()["keptVersions"] == 1
    forget()
    assert client.get(f"/api/backtest/batch/{session.pk}/results/0").json() == before
    page = text_of(client.get(f"/batches/{session.pk}/"))
    assert "the prices of ACME are gone from the instruments, but kept for this batch" in page
    session.delete()
    assert BatchSession.objects.count() == 0


def test_all_versions_go_on_request_and_the_batch_says_so(client, stored, queued):
    session = jobs.finish(jobs.submit(BODY))
    rows = client.get(f"/api/backtest/batch/{session.pk}/results").json()["results"]
    assert client.delete("/api/instruments/ACME?versions=all").json()["deletedVersions"] == 3
    forget()
    assert client.get(f"/api/backtest/batch/{session.pk}/results").json()["results"] == rows
    replayed = client.get(f"/api/backtest/batch/{session.pk}/results/0")
    assert (replayed.status_code, replayed.json()["code"]) == (410, "PRICES_GONE")
    assert client.get(f"/batches/{session.pk}/results/0/").status_code == 410
    page = client.get(f"/batches/{session.pk}/")
    assert page.status_code == 200
    assert "the prices of ACME are gone, and their tests cannot be computed again" in text_of(page)


def test_what_this_process_still_holds_of_deleted_prices_is_not_used(client, stored, queued):
    session = jobs.finish(jobs.submit(BODY))
    path = f"/api/backtest/batch/{session.pk}/results/0"
    assert client.get(path).status_code == 200
    client.delete("/api/instruments/ACME?versions=all")
    assert client.get(path).json()["code"] == "PRICES_GONE"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_computed_again_on_deleted_prices(client, stored, queued, published):
    ended = jobs.finish(jobs.submit(BODY | {"holdout": "2020-01-20"}))
    judge(ended)
    before = client.get(f"/api/backtest/batch/{ended.pk}/verdict").json()
    assert before["status"] == "ready"
    cancelled = jobs.submit(BODY | {"endDate": "2020-01-10"})
    lifecycle.cancel(cancelled.id, timezone.now())
    client.delete("/api/instruments/ACME?versions=all")
    for session, path, body in (
        (cancelled, "retry", {}),
        (ended, "verdict", {"seed": 2}),
        (ended, "holdout", {"index": 0}),
    ):
        refused = client.post(f"/api/backtest/batch/{session.pk}/{path}", body, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (410, "PRICES_GONE"), path
    assert client.get(f"/api/backtest/batch/{ended.pk}/verdict").json() == before
    assert client.get(f"/api/backtest/batch/{ended.pk}/holdout").json()["status"] == "locked"
    assert BatchSession.objects.count() == 2


def test_a_verdict_whose_prices_are_deleted_meanwhile_says_so(client, stored, queued):
    session = jobs.finish(jobs.submit(BODY))
    client.delete("/api/instruments/ACME?versions=all")
    forget()
    judge(session)
    verdict = client.get(f"/api/backtest/batch/{session.pk}/verdict").json()
    assert (verdict["status"], verdict["reasons"]) == ("unavailable", {"verdict": "prices_gone"})
    assert "prices of the batch were deleted" in text_of(client.get(f"/batches/{session.pk}/verdict/"))


def test_old_versions_are_deleted_but_not_those_of_batches(client, stored, queued):
    session = jobs.finish(jobs.submit(BODY))
    store_prices(read("symbol,date,close\nACME,2020-01-01,5\n"), on_overlap="replace")
    used = PriceSeries.objects.get(pk=session.instruments[0]["seriesId"])
    answer = client.delete("/api/instruments/ACME?versions=old").json()
    assert (answer["deletedVersions"], answer["keptVersions"]) == (2, 1)
    assert set(PriceSeries.objects.filter(symbol="ACME")) == {used, Instrument.objects.get(symbol="ACME").series}
    wrong = client.delete("/api/instruments/ACME?versions=new")
    assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (422, "versions")


def test_the_page_asks_before_it_deletes(client, stored):
    listing = client.post("/prices/groups/", {"symbols": ["ACME", "BOLT"], "intent": "delete"})
    question = client.get(listing["Location"])
    assert "Delete 2 instruments?" in text_of(question)
    assert Instrument.objects.count() == 2
    done = client.post("/prices/delete/", {"symbols": ["ACME"]}, follow=True)
    assert "Deleted. ACME: 3 versions deleted" in text_of(done)
    assert "Delete unused versions" in text_of(client.get("/prices/of/BOLT/"))
    client.post("/prices/delete/", {"symbols": ["BOLT"], "versions": "old"})
    assert PriceSeries.objects.count() == 1
    assert "There is no such instrument" in text_of(client.post("/prices/delete/", {"symbols": ["X"]}, follow=True))


def test_selected_instruments_open_in_the_form(client, stored):
    chosen = client.post("/prices/groups/", {"symbols": ["BOLT"], "intent": "test"})
    assert client.get(chosen["Location"]).context["sweep"].choice.symbols == ["BOLT"]


def test_the_command_deletes(stored):
    out = StringIO()
    call_command("delete_prices", "acme", stdout=out)
    assert "ACME: 3 versions deleted" in out.getvalue()
    with pytest.raises(CommandError, match="There is no such instrument"):
        call_command("delete_prices", "ACME")


def test_the_watchdog_discards_abandoned_uploads(client, db, settings):
    settings.RETENTION_DAYS = 0
    now = timezone.now()
    send(client, LONG)
    daily = watchdog.Daily()
    daily.prune(now, 0.0)
    assert PriceImport.objects.get().outcome == "waiting"
    daily.prune(now + timedelta(days=1, hours=1), watchdog.DAY_S)
    record = PriceImport.objects.get()
    assert (record.outcome, record.content) == ("discarded", None)
