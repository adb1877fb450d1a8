"""Timeframes in the ledger and in the walk-forward: each has bars, and bars a year, of its own."""

import math

import numpy as np
import pandas as pd
import pytest

from backtester.engine.statistics.sharpe import moments
from batches.sweep.plan import plan_of
from batches.verdict import ledger
from batches.verdict.layout import layout_of
from batches.verdict.options import Options
from batches.verdict.paths import Paths, walk_forward
from tests.batches.verdict.conftest import store_prices, walk
from tests.support.price_files import read
from tests.support.price_files import store_prices as store_file

pytestmark = pytest.mark.usefixtures("queued", "published")


@pytest.fixture
def bars(db):
    return store_prices("BARS", walk(11, bars=2000))


def trials():
    return ledger.of_symbol("BARS", None)["trials"]


@pytest.mark.parametrize(("first", "then"), [({}, {"timeframes": ["1d"]}), ({"timeframes": ["1d"]}, {})])
def test_the_stored_bars_are_tried_once_whether_their_length_is_named_or_not(sweep, bars, first, then):
    assert sweep(["BARS"], **first).luck["trialsEver"] == 20
    assert sweep(["BARS"], **then).luck["trialsEver"] == 20
    assert trials() == 20


def test_a_longer_timeframe_is_a_new_try_and_counts_once(sweep, bars):
    sweep(["BARS"])
    both = sweep(["BARS"], timeframes=["1w", "1d"])
    assert both.luck["trialsEver"] == 40
    assert sweep(["BARS"], timeframes=["1d", "1w"]).luck["trialsEver"] == 40
    assert sweep(["BARS"], timeframes=["1w"]).luck["trialsEver"] == 40
    assert trials() == 40


def test_bars_of_an_irregular_length_and_their_daily_ones_are_different_tries(sweep, bars):
    session = sweep(["BARS"])
    older = [fact | {"timeframe": None} for fact in session.instruments]
    request = session.request | {"timeframes": ["1d"]}
    plan = plan_of(sweep(["BARS"], timeframes=["1d"]))
    assert ledger.tried(request, plan, older, None).again == 20  # of the batch with that timeframe only


@pytest.fixture
def mixed(sweep, bars):
    """layout, and the indices of a daily and of a weekly test with the same parameters"""
    session = sweep(["BARS"], timeframes=["1d", "1w"])
    layout = layout_of(session, Options())
    assert len(layout.windows) > 2
    return layout, 3, 23


def test_the_hindsight_of_a_walk_is_annualized_by_its_own_bars(mixed):
    layout, daily, weekly = mixed
    picks = np.full(len(layout.windows), daily)
    walk = walk_forward(layout, Paths(layout), picks, weekly)
    same = walk_forward(layout, Paths(layout), np.full(len(layout.windows), weekly), weekly)
    assert walk
    assert same
    assert walk["hindsight"]["sharpe"] == same["hindsight"]["sharpe"] == pytest.approx(same["sharpe"], rel=1e-12)


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York"])
def test_the_days_of_a_walk_are_those_of_the_exchange(sweep, db, queued, zone):
    """A Monday in Sydney opens on a Sunday of UTC, and an evening in New York ends on the next day of UTC."""
    days = pd.bdate_range("2021-01-04", "2024-06-28")
    hours = pd.timedelta_range("10h", "22h", freq="1h", closed="left")
    wall = pd.DatetimeIndex((days.to_numpy()[:, None] + hours.to_numpy()).ravel())
    opened = wall.tz_localize(zone).tz_convert("UTC")
    file = pd.DataFrame({"time": opened.strftime("%Y-%m-%dT%H:%M:%SZ"), "close": walk(7, len(wall), deviation=0.003)})
    store_file(read(file.to_csv(index=False), "HOUR.csv", timeZone=zone))
    session = sweep(["HOUR"], timeframes=["1h", "1d"])
    layout = layout_of(session, Options())
    zones = {prices.timezone for prices in layout.series.values()}
    assert zones == {zone}
    for pick in (3, 23):  # of hours, of days
        walked = walk_forward(layout, Paths(layout), np.full(len(layout.windows), pick), pick)
        assert walked
        named = [window[name] for window in walked["windows"] for name in ("trainFrom", "testFrom", "testTo")]
        assert set(named) | set(walked["curve"]["dates"]) <= set(days.strftime("%Y-%m-%d"))
        prices = layout.series[layout.plan.grid.series_of(pick)]
        assert walked["windows"][-1]["testTo"] == "2024-06-28" == str(np.datetime64(int(prices.trading_days[-1]), "D"))


def test_a_walk_over_two_timeframes_is_annualized_by_its_bars_a_year(mixed):
    layout, daily, weekly = mixed
    picks = np.array([daily if number % 2 else weekly for number in range(len(layout.windows))])
    paths = Paths(layout)
    answer = walk_forward(layout, paths, picks, daily)
    assert answer
    parts = [
        paths.returns(int(pick), window.test_start, window.test_end)
        for pick, window in zip(picks, layout.windows, strict=True)
    ]
    years = sum(len(part) / (252 if pick == daily else 52) for pick, part in zip(picks, parts, strict=True))
    returns = np.concatenate(parts)
    assert answer["sharpe"] == pytest.approx(moments(returns).sharpe * math.sqrt(len(returns) / years), rel=0.01)
    dates = np.array(answer["curve"]["dates"], dtype="datetime64[D]")
    assert (np.diff(dates) > np.timedelta64(0)).all()
    first = layout.calendar.moments[layout.windows[0].test_start].astype("datetime64[ns]").astype("datetime64[D]")
    assert first <= dates[0] < first + np.timedelta64(7)
    steps = np.diff(dates).astype(int)
    assert np.median(steps[: len(parts[0]) - 1]) == 7
    assert np.median(steps[len(parts[0]) : len(parts[0]) + len(parts[1]) - 1]) == 1
