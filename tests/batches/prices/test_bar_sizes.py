"""The size of a bar and the bars a year, from a file to the page, the API and the metrics."""

import importlib

import numpy as np
import pandas as pd
import pytest
from django.apps import apps

from batches.models import Instrument, InstrumentGroup
from tests.support import jobs
from tests.support.page_reader import text_of
from tests.support.price_files import read, store_prices
from tests.support.price_uploads import send

RULES = {"WEEKS": "W-FRI", "SUNDAYS": "W-SUN", "MONTHS": "BME"}


@pytest.fixture
def shares(db):
    """The same shares by day, week and month."""
    days = pd.bdate_range("1995-01-02", "2022-12-30")
    walk = np.random.default_rng(39).normal(0.0004, 0.011, len(days))
    closes = pd.Series(100 * np.exp(np.cumsum(walk)), index=days)
    tables = {"DAYS": closes} | {name: closes.resample(rule).last() for name, rule in RULES.items()}
    for name, table in tables.items():
        store_prices(read(table.to_frame("close").to_csv(index_label="date"), f"{name}.csv"))
    return tables


def test_shares_held_have_one_sharpe_ratio_whatever_the_size_of_their_bars(client, shares, queued):
    """Case 39 of the public bug reports."""
    body = {"strategy": "periodic_dca", "symbols": list(shares), "parameterRanges": {"every": [1], "instalments": [1]}}
    results = jobs.finish(jobs.submit(body)).results
    for name in ("sharpe", "annualizedVolatility"):
        values = [results["comparison"][symbol][name] for symbol in shares]
        assert values == pytest.approx([values[0]] * 4, rel=0.1), name
    assert results["validation"]["engineVersion"] == "5"


def test_api_page_and_preview_say_what_the_engine_assumes(client, shares):
    listing = {entry["symbol"]: entry for entry in client.get("/api/instruments").json()["instruments"]}
    assert {symbol: (entry["barSeconds"], entry["periodsPerYear"]) for symbol, entry in listing.items()} == {
        "DAYS": (86_400, 252),
        "WEEKS": (604_800, 365.25 / 7),
        "SUNDAYS": (604_800, 365.25 / 7),
        "MONTHS": (2_629_800, 12),
    }
    page = text_of(client.get("/prices/of/WEEKS/"))
    assert "Bars of 1 week" in page
    assert "The engine assumes 52.18 bars a year" in page
    file = "date,close\n" + "".join(f"2022-{month:02}-01,{month}\n" for month in range(1, 13))
    preview = text_of(client.get(send(client, file, "NEW.csv")["Location"]))
    assert "1 symbol with 12 bars" in preview
    assert "new 1 month 12" in preview


def test_weekly_bars_lack_no_days(shares):
    assert set(Instrument.objects.exclude(symbol="DAYS").values_list("gaps", flat=True)) == {0}


def test_an_upgrade_measures_the_stored_instruments(shares):
    Instrument.objects.update(bar_days=1.0, periods_per_year=252.0)
    Instrument.objects.get(symbol="DAYS").series.__class__.objects.filter(symbol="DAYS").update(source="sample: closes")
    migration = importlib.import_module("batches.migrations.0009_longer_symbols_and_bar_sizes")
    migration.measure(apps, None)
    migration.group_the_sample(apps, None)
    assert Instrument.objects.get(symbol="WEEKS").periods_per_year == 365.25 / 7
    assert Instrument.objects.get(symbol="MONTHS").bar_days == 365.25 / 12
    assert [member.symbol for member in InstrumentGroup.objects.get(name="Sample").instruments.all()] == ["DAYS"]


@pytest.mark.parametrize(
    ("close", "text"),
    [(0.00001234567, "0.00001235"), (0.5, "0.50"), (0.84371, "0.8437"), (1234.5, "1,234.50"), (1e-9, "0.000000001")],
)
def test_small_prices_are_shown_with_significant_digits(client, db, queued, close, text):
    rows = "".join(f"2020-01-{day:02},{close * (1 + day % 3):.15f}\n" for day in range(1, 31))
    store_prices(read(f"date,close\n{rows}2020-01-31,{close:.15f}\n", "COIN.csv"))
    assert f"last close {text}" in text_of(client.get("/prices/of/COIN/"))
    body = {"strategy": "sma_cross", "symbols": ["COIN"], "parameterRanges": {"fast": [1], "slow": [2]}}
    session = jobs.finish(jobs.submit(body))
    assert f" {text} " in text_of(client.get(f"/batches/{session.pk}/results/0/"))


@pytest.mark.parametrize(
    ("minutes", "text"), [(1, "1 minute"), (15, "15 minutes"), (60, "1 hour"), (240, "4 hours"), (0.5, "30 seconds")]
)
def test_the_size_of_bars_within_a_day_is_found_and_noted(minutes, text):
    times = pd.date_range("2020-01-02 09:30", periods=5, freq=pd.Timedelta(minutes=minutes))
    rows = "".join(f"{time},{close}\n" for close, time in enumerate(times, 1))
    assert f"A bar of the file is usually {text}." in read(f"date,close\n{rows}", "ACME.csv").notes
