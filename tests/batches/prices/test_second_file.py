"""A second file of a symbol: what continues is appended, what differs is refused, and both are said."""

import io

import numpy as np
import pytest
from django.core.management import call_command

from batches.models import Instrument, PriceImport, PriceSeries
from batches.prices.changes import PricesDiffer
from batches.prices.series import decode_bars
from tests.support.page_reader import text_of
from tests.support.price_files import read, store_prices
from tests.support.price_uploads import PRICES, send


def month(number, first=1, last=28, change=0.0, header="date,close"):
    days = (f"2025-{number:02}-{day:02}" for day in range(first, last + 1))
    cells = [f",{10 * number + change}" * header.count(",") for _ in range(last + 1)]
    return header + "\n" + "".join(day + cell + "\n" for day, cell in zip(days, cells, strict=False))


JANUARY, FEBRUARY = month(1, last=31), month(2)
APPENDED = "FMON had 31 bars to 2025-01-31; 28 bars are appended."


def load(text, on_overlap="refuse", name="FMON.csv"):
    return store_prices(read(text, name), on_overlap=on_overlap)


def stored(symbol="FMON"):
    columns = decode_bars(bytes(Instrument.objects.get(symbol=symbol).series.data))
    return columns["date"].astype("datetime64[D]").astype(str).tolist(), columns


def test_a_file_that_continues_is_appended(db):
    """Case 53 of the public bug reports."""
    load(JANUARY)
    report = load(FEBRUARY)
    assert (report.updated, report.notes) == (("FMON",), (APPENDED,))
    days, columns = stored()
    assert (len(days), days[0], days[-1]) == (59, "2025-01-01", "2025-02-28")
    assert columns["close"].tolist() == [10.0] * 31 + [20.0] * 28
    assert PriceSeries.objects.count() == 2  # the version of before stays


def test_a_file_that_goes_before_or_into_a_gap_is_merged_by_date(db):
    load(month(3))
    (sentence,) = load(JANUARY).notes[-1:]
    assert sentence == (
        "FMON had 28 bars from 2025-03-01 to 2025-03-28; it gets 31 more and has 59 bars from 2025-01-01 to 2025-03-28."
    )
    load(FEBRUARY)
    assert stored()[0] == sorted(stored()[0])
    assert stored()[1]["close"].tolist() == [10.0] * 31 + [20.0] * 28 + [30.0] * 28


def test_bars_that_both_have_are_stored_once(db):
    load(JANUARY)
    load(month(1, first=20, last=31) + month(2).partition("\n")[2])
    assert len(stored()[0]) == 59
    assert load(month(1, first=5, last=9)).unchanged == ("FMON",)
    assert len(stored()[0]) == 59


def test_bars_that_differ_are_refused_with_the_first_of_them(db):
    load(JANUARY)
    changed = month(1, first=30, last=31, change=1.5) + month(2).partition("\n")[2]
    with pytest.raises(PricesDiffer) as refused:
        load(changed)
    assert refused.value.message == (
        "FMON: 2 bars differ from those stored; on 2025-01-30 close is stored as 10, the file has 11.5."
        " Choose append (onOverlap=append) to keep the stored bars and add the new ones,"
        " or replace (onOverlap=replace) to use the file only."
    )
    assert len(stored()[0]) == 31
    kept = load(changed, "append")
    assert kept.notes == (f"{APPENDED} FMON: 2 bars of the file, first 2025-01-30, differ; the stored stay.",)
    assert stored()[1]["close"].tolist() == [10.0] * 31 + [20.0] * 28


def test_a_replacement_says_which_bars_go(db):
    load(JANUARY)
    assert load(FEBRUARY, "replace").notes == (
        "FMON had 31 bars to 2025-01-31, now it has 28 from 2025-02-01; the 31 are no longer used.",
    )
    assert len(stored()[0]) == 28


def test_prices_printed_with_other_digits_do_not_differ(db):
    load("date,close\n2025-01-01,0.30000000000000004\n2025-01-02,2\n")
    load("date,close\n2025-01-01,0.3\n2025-01-03,2\n")
    assert len(stored()[0]) == 3


def test_columns_that_would_be_lost_are_refused_or_left_out_with_a_note(db):
    ohlc = "date,open,high,low,close"
    load(month(1, header=ohlc))
    with pytest.raises(PricesDiffer, match="the stored bars have open, high, low, those of the file do not"):
        load(FEBRUARY)
    assert "FMON: open, high, low are not in both and are left out." in load(FEBRUARY, "append").notes[0]
    assert not Instrument.objects.get().series.has_ohlc
    load(month(1) + month(2).partition("\n")[2], name="FULL.csv")
    load(month(1, header=ohlc) + month(2, header=ohlc).partition("\n")[2], name="FULL.csv")
    assert Instrument.objects.get(symbol="FULL").series.has_ohlc  # the file has all stored bars, and more columns


def test_bars_of_another_size_are_not_appended(db):
    load(JANUARY)
    weeks = "date,close\n" + "".join(f"2025-0{number}-01,5\n2025-0{number}-08,5\n" for number in (2, 3))
    for choice in ("refuse", "append"):
        with pytest.raises(PricesDiffer, match="a stored bar is 1 day, one of the file 1 week"):
            load(weeks, choice)
    assert load(weeks, "replace").updated == ("FMON",)


def test_one_symbol_that_differs_stores_none_and_names_all(db):
    both = "symbol,date,close\nA,2025-01-01,1\nB,2025-01-01,1\nC,2025-01-01,1\n"
    load(both)
    with pytest.raises(PricesDiffer) as refused:
        load(both.replace("A,2025-01-01,1", "A,2025-01-01,2").replace("C,2025-01-01,1", "C,2025-01-01,3"))
    assert [detail.field for detail in refused.value.details] == ["A", "C"]
    assert PriceSeries.objects.count() == 3


def test_the_preview_says_what_happens_and_offers_the_choice(client, db):
    load(JANUARY)
    page = send(client, FEBRUARY, "FMON.csv")["Location"]
    assert APPENDED in text_of(client.get(page))
    client.post(page, {"intent": "store"})
    assert len(stored()[0]) == 59
    page = send(client, month(1, last=31, change=1), "FMON.csv")["Location"]
    preview = client.get(page).content.decode()
    assert "31 bars differ from those stored" in preview
    assert 'value="store"' not in preview
    assert "409" not in preview
    assert "31 bars differ" in text_of(client.post(page, {"intent": "store"}))
    assert "the 59 are no longer used" in text_of(client.post(page, {"decide": "replace"}))
    client.post(page, {"intent": "store", "onOverlap": "replace"})
    assert len(stored()[0]) == 31


def test_the_api_appends_refuses_and_replaces(client, db):
    def post(text, **fields):
        file = io.BytesIO(text.encode())
        file.name = "FMON.csv"
        return client.post("/api/instruments", {"file": file} | fields)

    assert post(JANUARY).status_code == 201
    answer = post(FEBRUARY)
    assert (answer.status_code, answer.json()["notes"]) == (200, [APPENDED])
    assert answer.json()["instruments"][0]["bars"] == 59
    refused = post(month(1, change=2))
    assert (refused.status_code, refused.json()["code"]) == (409, "PRICES_DIFFER")
    assert refused.json()["details"][0]["field"] == "FMON"
    assert post(month(1, change=2), onOverlap="replace").json()["instruments"][0]["bars"] == 28
    wrong = post(FEBRUARY, onOverlap="merge")
    assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (422, "onOverlap")


def test_several_files_are_imported_together_or_not_at_all(client, db):
    def named(name, text):
        file = io.BytesIO(text.encode())
        file.name = name
        return file

    files = [named("FMON.csv", FEBRUARY), named("FMON.csv", JANUARY), named("OTHER.csv", JANUARY)]
    answer = client.post("/api/instruments", {"file": files}).json()
    assert answer["added"] == ["FMON", "OTHER"]
    assert len(stored()[0]) == 59
    assert PriceImport.objects.get().name == "FMON.csv, FMON.csv, OTHER.csv"
    bad = client.post("/api/instruments", {"file": [named("NEW.csv", JANUARY), named("BAD.csv", "date,close\nx,1\n")]})
    assert bad.status_code == 422
    torn = [named("NEW.csv", JANUARY), named("NEW.csv", month(1, change=1))]
    assert client.post("/api/instruments", {"file": torn}).json()["code"] == "PRICES_DIFFER"
    assert not Instrument.objects.filter(symbol="NEW").exists()


def test_several_uploads_are_reviewed_one_after_the_other_or_all_at_once(client, db):
    def upload():
        files = [io.BytesIO(text.encode()) for text in (JANUARY, FEBRUARY, "date,close\nx,1\n")]
        for file, name in zip(files, ("FMON (1).csv", "FMON (2).csv", "BAD.csv"), strict=True):
            file.name = name
        return client.post(f"{PRICES}import/", {"file": files})

    first = upload()["Location"]
    assert "2 more files await review" in text_of(client.get(first))
    second = client.post(first, {"intent": "discard"})["Location"]
    assert "FMON (2).csv" in text_of(client.get(second))
    client.post(second, {"intent": "discard"})
    PriceImport.objects.filter(outcome="waiting").delete()
    upload()
    done = client.post(f"{PRICES}import/all/", {"symbol": "FMON"}, follow=True)
    assert "Imported FMON (1).csv" in text_of(done)
    assert "Import BAD.csv" in text_of(done)  # the one with a problem is what is left


def test_the_command_appends_prints_a_preview_and_goes_on_after_a_bad_file(db, tmp_path, capsys):
    (tmp_path / "jan").mkdir()
    (tmp_path / "feb").mkdir()
    january, february, bad = tmp_path / "jan" / "FMON.csv", tmp_path / "feb" / "FMON.csv", tmp_path / "BAD.csv"
    january.write_text(JANUARY)
    february.write_text(FEBRUARY)
    bad.write_text("date,close\nx,1\n")
    call_command("load_prices", str(january))
    call_command("load_prices", "--dry-run", str(february))
    printed = capsys.readouterr().out
    assert APPENDED in printed
    assert "FMON: 28 bars of 1 day, 2025-02-01 to 2025-02-28, changed" in printed
    assert "Nothing was stored." in printed
    assert len(stored()[0]) == 31
    with pytest.raises(SystemExit):
        call_command("load_prices", str(bad), str(february), "--group", "Months")
    assert len(stored()[0]) == 59
    assert Instrument.objects.get(groups__name="Months").symbol == "FMON"


def test_an_import_that_was_overtaken_is_refused(db):
    from batches.errors import Conflict
    from batches.prices.importing import prepare, store

    load(JANUARY)
    prepared = prepare(read(FEBRUARY, "FMON.csv"), source="slow")
    load(month(3))
    with pytest.raises(Conflict, match="changed by another import"):
        store(prepared)
    assert len(stored()[0]) == 59
    assert np.all(np.diff(stored()[1]["date"].astype(int)) > 0)
