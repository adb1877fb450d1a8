"""The synthetic bars of one minute beside the daily sample."""

import numpy as np
import pytest
from django.core.management import call_command

from backtester.engine.zones import local
from batches.models import Instrument, PriceSeries
from batches.prices.series import load_series
from batches.prices.synthetic import SYMBOL, TIMEZONE, minute_bars


@pytest.fixture
def sample(db):
    call_command("load_sample")


def test_the_sample_has_minutes_that_say_they_are_synthetic(sample, client):
    minutes = Instrument.objects.select_related("series").get(symbol=SYMBOL)
    assert minutes.bar_days == pytest.approx(1 / 1440)
    assert minutes.periods_per_year == 252 * 390
    assert minutes.calendar == "09:30-16:00"
    assert minutes.gaps == 0
    assert load_series(minutes.series_id).n_bars == 503 * 390
    assert "Synthetic" in minutes.name
    assert "synthetic" in minutes.series.source
    assert "Synthetic one-minute bars, no real market" in client.get(f"/prices/of/{SYMBOL}/").text


def test_the_form_opens_with_the_daily_shares_and_offers_the_minutes(sample, client):
    page = client.get("/")
    choice = page.context["sweep"].choice
    assert len(choice.symbols) == 20
    assert SYMBOL not in choice.symbols
    assert [chip.checked for chip in choice.chips if chip.symbol == SYMBOL] == [False]


def test_the_sample_is_the_same_each_time(sample, capsys):
    call_command("load_sample")
    assert f"{SYMBOL}: 1 unchanged" in capsys.readouterr().out
    assert PriceSeries.objects.filter(symbol=SYMBOL).count() == 1


def test_synthetic_minutes_are_bars_of_whole_sessions():
    [series] = minute_bars().series
    bars = series.columns
    assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
    assert (np.maximum(bars["open"], bars["close"]) <= bars["high"]).all()
    assert (bars["low"] > 0).all()
    minutes = local(series.dates.view(np.int64), TIMEZONE) // 60_000_000_000 % 1440
    assert np.unique(minutes).tolist() == list(range(9 * 60 + 30, 16 * 60))
