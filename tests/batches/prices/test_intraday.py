"""Bars within a day, from a file to the database, the host's files, the API and back."""

import importlib
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from backtester.engine import Grid, Rules, get_strategy, run_slice
from backtester.engine.derived import derived_bytes
from batches.errors import Conflict
from batches.models import Instrument, PricePart, PriceSeries
from batches.prices import host_files, parts, series
from batches.prices.series import load_prices, load_series
from tests.support.market import store
from tests.support.price_files import parquet, read, store_prices

pytestmark = pytest.mark.django_db


def minutes(first="2024-01-01", n_days=3, freq="1min", seed=1):
    index = pd.date_range(first, periods=n_days * 1440, freq="1min")[:: int(pd.Timedelta(freq) / pd.Timedelta("1min"))]
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.0005, len(index)))), 4)
    frame = pd.DataFrame({"time": index, "open": close, "high": close * 1.001, "low": close * 0.999, "close": close})
    return frame.assign(volume=np.arange(len(index)) % 7)


@pytest.fixture
def in_parts(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(parts, "LONG", 500)
    return tmp_path / "prices"


def entry(client, symbol):
    listing = client.get("/api/instruments").json()["instruments"]
    return next(one for one in listing if one["symbol"] == symbol)


def test_the_api_keeps_minutes_and_says_what_they_are(client):
    file = SimpleUploadedFile("BTC.csv", minutes(n_days=7).to_csv(index=False).encode())
    answer = client.post("/api/instruments", {"file": file})
    assert answer.status_code == 201, answer.content
    assert "A bar of the file is usually 1 minute." in answer.json()["notes"]
    stored = entry(client, "BTC")
    assert answer.json()["instruments"][0] == stored
    names = ("bars", "barSeconds", "timezone", "calendar", "firstAt", "lastAt", "firstDate", "periodsPerYear")
    assert {name: stored[name] for name in names} == {
        "bars": 10080, "barSeconds": 60, "timezone": "UTC", "calendar": "24/7", "firstAt": "2024-01-01T00:00:00Z",
        "lastAt": "2024-01-07T23:59:00Z", "firstDate": "2024-01-01", "periodsPerYear": 365 * 1440,
    }  # fmt: skip


def test_days_have_dates_and_a_zone_is_kept(client):
    store("ACME")
    frame = minutes(freq="5min")
    store_prices(read(parquet(frame), "FX.parquet", timeZone="America/New_York"))
    fx, acme = entry(client, "FX"), entry(client, "ACME")
    assert (fx["timezone"], fx["barSeconds"], fx["firstDate"]) == ("America/New_York", 300, "2023-12-31")
    assert fx["firstAt"] == "2024-01-01T00:00:00Z"
    assert (acme["firstAt"], acme["lastAt"], acme["barSeconds"]) == ("2019-06-21", "2020-12-31", 86_400)


@pytest.mark.parametrize("form", ["csv", "parquet", "epoch"])
def test_csv_parquet_and_epochs_are_the_same_bars(form):
    frame = minutes(n_days=1)
    if form == "epoch":
        frame = frame.assign(time=frame["time"].astype("datetime64[ms]").astype(np.int64))
    content = parquet(frame) if form == "parquet" else frame.to_csv(index=False)
    (parsed,) = read(content, f"A.{'parquet' if form == 'parquet' else 'csv'}").series
    assert [str(moment)[:16] for moment in parsed.dates[[0, -1]]] == ["2024-01-01T00:00", "2024-01-01T23:59"]
    assert len(parsed.dates) == 1440


def test_a_long_series_is_stored_by_month_and_mapped_from_a_file(in_parts):
    frame = minutes("2024-01-30", n_days=4)
    store_prices(read(parquet(frame), "A.parquet"))
    stored = PriceSeries.objects.get()
    assert list(stored.parts.values_list("position", "n_bars")) == [(0, 2880), (1, 2880)]
    assert bytes(stored.data) == b""
    prices = load_series(stored.pk)
    assert prices.close.tolist() == frame["close"].tolist()
    assert prices.dates.tolist() == frame["time"].to_numpy().astype("datetime64[ns]").tolist()
    (file,) = in_parts.glob("*.arrow")
    assert file.stem == stored.sha256
    with pytest.raises(ValueError, match="read-only"):
        prices.close[0] = 1


def test_the_processes_of_a_host_share_the_file_and_copy_nothing(in_parts):
    store_prices(read(parquet(minutes("2024-01-30", n_days=4)), "A.parquet"))
    stored = PriceSeries.objects.get()
    load_series(stored.pk)
    before = pa.total_allocated_bytes()
    columns = host_files.mapped_columns(stored)
    assert pa.total_allocated_bytes() == before
    assert all(not column.flags.owndata for column in columns.values())


def test_an_import_leaves_a_file_for_the_first_chart(in_parts, monkeypatch, django_capture_on_commit_callbacks):
    frame = minutes("2024-01-30", n_days=4)
    with django_capture_on_commit_callbacks(execute=True):
        store_prices(read(parquet(frame), "A.parquet"))
    monkeypatch.setattr(host_files, "stored_columns", None)
    prices = load_series(PriceSeries.objects.get().pk)
    assert prices.close.tolist() == frame["close"].tolist()
    assert prices.dates.tolist() == frame["time"].to_numpy().astype("datetime64[ns]").tolist()


def test_a_file_of_the_host_that_is_lost_or_damaged_is_made_again(in_parts):
    store_prices(read(parquet(minutes("2024-01-30", n_days=4)), "A.parquet"))
    pk = PriceSeries.objects.get().pk
    expected = load_series(pk).close.tolist()
    (file,) = in_parts.glob("*.arrow")
    for content in (None, b"ARROW1 no", file.read_bytes()[:9000]):
        file.unlink()
        if content is not None:
            file.write_bytes(content)
        series.cache.clear()
        assert load_series(pk).close.tolist() == expected
    assert not list(in_parts.glob("*.part"))


def test_a_full_disk_costs_the_file_and_not_the_prices(in_parts, monkeypatch):
    store_prices(read(parquet(minutes("2024-01-30", n_days=4)), "A.parquet"))

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host_files, "_write", full)
    assert load_series(PriceSeries.objects.get().pk).n_bars == 5760


def test_the_files_of_the_host_have_a_limit(in_parts, settings):
    settings.PRICES_CACHE_MB = 1
    for number in range(4):
        store_prices(read(parquet(minutes("2024-01-30", n_days=5, seed=number)), f"A{number}.parquet"))
        load_series(PriceSeries.objects.get(symbol=f"A{number}").pk)
    assert sum(file.stat().st_size for file in in_parts.glob("*.arrow")) <= 2**20
    assert series.cache.size <= 2**20


def test_sums_made_from_prices_count_in_the_cache_of_prices(in_parts, settings):
    keys = []
    for number in range(2):
        store_prices(read(parquet(minutes("2024-01-30", n_days=4, seed=number)), f"A{number}.parquet"))
        keys.append(PriceSeries.objects.get(symbol=f"A{number}").pk)
    series.cache.clear()
    prices = [load_series(pk) for pk in keys]
    settings.PRICES_CACHE_MB = (series.cache.size + derived_bytes()) / 2**20
    assert [load_series(pk) for pk in keys] == prices
    run_slice(Grid(get_strategy("volatility_target"), ["A1"], {}), prices[1], 0, 1, Rules())
    assert load_series(keys[1]) is prices[1]
    assert list(series.cache.entries) == keys[1:]


def test_the_same_file_again_changes_nothing_and_more_bars_are_appended(in_parts):
    frame = minutes("2024-01-30", n_days=4)
    first = store_prices(read(parquet(frame[:4000]), "A.parquet"))
    again = store_prices(read(parquet(frame[:4000]), "A.parquet"))
    more = store_prices(read(parquet(frame[3000:]), "A.parquet"))
    assert (first.added, again.unchanged, more.updated) == (("A",), ("A",), ("A",))
    assert "A had 4,000 bars to 2024-02-01 18:39:00; 1,760 bars are appended." in more.notes
    assert load_series(Instrument.objects.get().series_id).close.tolist() == frame["close"].tolist()
    assert PricePart.objects.count() == 4


def test_days_are_not_appended_to_minutes():
    store_prices(read(parquet(minutes()), "A.parquet"))
    with pytest.raises(Conflict, match="A: a stored bar is 1 minute, one of the file 1 day"):
        store_prices(read("date,close\n2024-01-04,1\n2024-01-05,2\n2024-01-06,2\n", "A.csv"))


def test_prices_are_cut_by_days_of_the_exchange_or_moments_and_built_once():
    store_prices(read(parquet(minutes()), "A.parquet", timeZone="Asia/Tokyo"))
    pk = PriceSeries.objects.get().pk
    day = load_prices(pk, date(2024, 1, 2), date(2024, 1, 2))
    assert (str(day.dates[0])[:16], day.n_bars) == ("2024-01-01T15:00", 1440)
    moments = datetime(2024, 1, 2, 10, tzinfo=UTC), datetime(2024, 1, 2, 12, 59, tzinfo=UTC)
    hours = load_prices(pk, *moments, "1h")
    assert [str(moment)[11:16] for moment in hours.dates] == ["10:00", "11:00", "12:00"]
    assert load_prices(pk, *moments, "1h") is hours
    assert load_prices(pk, None, None) is load_series(pk)


def test_an_upgrade_finds_the_calendars_of_stored_instruments():
    store("ACME")
    migration = importlib.import_module("batches.migrations.0013_bars_of_any_size")
    migration.find_calendars(apps, None)
    assert Instrument.objects.get().calendar == "weekdays"


def test_the_page_and_the_preview_show_minutes(client):
    from tests.support.page_reader import text_of
    from tests.support.price_uploads import send

    preview = text_of(client.get(send(client, minutes().to_csv(index=False), "NEW.csv")["Location"]))
    assert "new 1 minute 362880" in preview
    store_prices(read(parquet(minutes()), "A.parquet"))
    page = text_of(client.get("/prices/of/A/"))
    assert "Bars of 1 minute" in page
