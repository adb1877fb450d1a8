"""Bars within a day: moments in UTC, days of the exchange, bars a year as counted, durations in time."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from backtester.engine import BadPrices, Grid, Prices, Rules, buy_and_hold, get_strategy, replay, run_slice, sweep
from backtester.engine.sweep import prices_of
from tests.engine import synthetic

from .reference.metrics import longest_drawdown

NEW_YORK = "America/New_York"


def session_minutes(first="2023-01-02", last="2023-12-29", freq="1min", zone=NEW_YORK):
    """09:30 to 16:00 of each weekday, as moments of their opening."""
    days = pd.bdate_range(first, last)
    clock = pd.timedelta_range("9h30min", "16h", freq=freq, closed="left")
    wall = (days.to_numpy()[:, None] + clock.to_numpy()).ravel()
    return pd.DatetimeIndex(wall).tz_localize(zone)


def bars_at(index, seed=1, zone=None, **values):
    moments = index.tz_convert(None).to_numpy() if index.tz else index.to_numpy()
    closes = synthetic.walk(len(index), seed, volatility=0.001)
    return Prices("TEST", moments, closes, timezone=zone or (str(index.tz) if index.tz else "UTC"), **values)


def around_the_clock(first, last, freq="1min"):
    return pd.date_range(first, last, freq=freq, inclusive="left")


CRYPTO = around_the_clock("2022-01-01", "2022-03-01", "5min")
FOREX = around_the_clock("2021-01-03", "2022-02-28", "15min")
FOREX = FOREX[
    ~(
        (FOREX.day_of_week == 5)
        | ((FOREX.day_of_week == 6) & (FOREX.hour < 22))
        | ((FOREX.day_of_week == 4) & (FOREX.hour >= 22))
    )
]


@pytest.mark.parametrize(
    ("index", "seconds", "expected"),
    [
        (CRYPTO, 300, 365 * 288),
        (CRYPTO[:300], 300, 365 * 288),
        (session_minutes(freq="5min"), 300, 252 * 78),
        (session_minutes("2023-03-06", "2023-03-10"), 60, 252 * 390),
        (session_minutes(freq="1h"), 3_600, 252 * 6),
        (FOREX, 900, 365.25 / 7 * 480),
    ],
)
def test_bar_size_and_bars_a_year_within_a_day(index, seconds, expected):
    bars = bars_at(index)
    assert bars.bar_seconds == seconds
    assert bars.periods_per_year == pytest.approx(expected, rel=0.04)


def test_bars_a_year_of_a_long_series_are_bars_over_years():
    index = session_minutes("2015-01-01", "2022-12-30", "30min")
    kept = index[
        ~index.strftime("%m-%d").isin(["01-01", "07-04", "12-25", "05-28", "09-03", "11-24", "01-18", "02-15", "06-19"])
    ]
    bars = bars_at(kept)
    assert bars.periods_per_year == pytest.approx(bars.n_bars / bars.years, rel=0.02)


def test_minutes_without_a_trade_do_not_change_the_size_of_a_bar():
    index = session_minutes()
    traded = index[np.random.default_rng(7).random(len(index)) < 0.45]
    assert bars_at(traded).bar_seconds == 60
    jittered = index + pd.to_timedelta(np.random.default_rng(7).integers(0, 59, len(index)), unit="s")
    assert bars_at(jittered).bar_seconds is None


def test_a_day_is_the_day_of_the_exchange():
    index = around_the_clock("2023-06-01", "2023-06-04", "1h")
    bars = bars_at(index, zone="Asia/Tokyo")
    first, last = bars.between(date(2023, 6, 2), date(2023, 6, 2)).dates[[0, -1]]
    assert (str(first)[:16], str(last)[:16]) == ("2023-06-01T15:00", "2023-06-02T14:00")
    assert bars.between(date(2023, 6, 2), date(2023, 6, 2)).n_bars == 24


def test_the_nights_of_a_clock_change_have_23_and_25_hours():
    index = around_the_clock("2023-03-01", "2023-12-01", "1h")
    _, hours = np.unique(bars_at(index, zone=NEW_YORK).trading_days[5:-19], return_counts=True)
    assert sorted(set(hours[1:-1].tolist())) == [23, 24, 25]
    assert (hours == 23).sum() == (hours == 25).sum() == 1


def test_a_cut_by_moments_includes_both():
    bars = bars_at(CRYPTO)
    cut = bars.between(datetime(2022, 1, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, 2, tzinfo=UTC))
    assert (str(cut.dates[0]), cut.n_bars) == ("2022-01-01T01:00:00.000000000", 13)
    assert (cut.periods_per_year, cut.bar_seconds) == (bars.periods_per_year, 300)
    one = cut.between(datetime(2022, 1, 1, 2, tzinfo=UTC), None)
    assert (one.n_bars, one.is_within_day, one.bar_seconds) == (1, True, 300)
    with pytest.raises(BadPrices, match="no bars from 2023"):
        bars.between(datetime(2023, 1, 1, tzinfo=UTC), None)


def test_moments_that_come_twice_are_refused():
    index = CRYPTO[:5].to_numpy().copy()
    index[3] = index[2]
    with pytest.raises(BadPrices, match=r"2022-01-01T00:10:00.000000000 \(bar 3\) appears twice"):
        Prices("TEST", index, np.ones(5))


def test_moments_a_day_apart_are_days():
    closing = pd.date_range("2023-01-02 16:00", periods=9, freq="B")
    bars = Prices("TEST", closing.to_numpy(), np.ones(9))
    assert bars.dates.dtype == "datetime64[D]"
    assert bars.periods_per_year == 252


def test_the_longest_drawdown_within_a_day_is_measured_in_time():
    bars = bars_at(session_minutes("2023-03-01", "2023-03-31", "5min"))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [3, 8], "slow": [20, 50]})
    metrics = run_slice(grid, bars, 0, 4, Rules(fees=0.0001))
    days = bars.moments / 86_400e9
    for index in range(4):
        played = replay(grid, bars, index, Rules(fees=0.0001))
        assert played.metrics["max_drawdown_duration"] == pytest.approx(longest_drawdown(played.equity, days))
        assert played.metrics["max_drawdown_duration"] == metrics.metrics[-1, index]
        assert isinstance(played.trades[0].entry_date, datetime)
        assert played.trades[0].entry_date.tzinfo is UTC
    assert 0 < buy_and_hold(bars, Rules())["max_drawdown_duration"] < 31


def test_a_sweep_takes_moments_with_and_without_a_zone():
    index = session_minutes("2023-03-01", "2023-03-10", "5min")
    closes = pd.DataFrame({"A": synthetic.walk(len(index), volatility=0.001)}, index=index)
    aware = sweep("sma_cross", closes, {"fast": [3], "slow": [20]})
    naive = sweep("sma_cross", closes.tz_convert(None), {"fast": [3], "slow": [20]})
    assert aware.equals(naive)
    prices = prices_of("A", closes["A"])
    assert (prices.timezone, prices.bar_seconds, prices.n_bars) == (NEW_YORK, 300, len(index))
    fixed = prices_of("A", closes.tz_convert("+09:00")["A"])
    assert fixed.timezone == "Etc/GMT-9"


def test_a_day_with_a_zone_is_the_one_that_is_written():
    index = pd.date_range("2023-01-02", periods=5, freq="D", tz="Asia/Tokyo")
    assert prices_of("A", pd.Series(1.0, index=index)).dates.astype(str).tolist()[0] == "2023-01-02"


def test_an_index_of_plain_numbers_is_refused():
    closes = pd.DataFrame({"A": [1.0, 2.0, 3.0]})
    with pytest.raises(BadPrices, match="A: the index must be dates, got numbers such as 0"):
        sweep("sma_cross", closes, {"fast": [1], "slow": [2]})
    with pytest.raises(BadPrices, match="TEST: bars must have dates, got numbers such as 0"):
        Prices("TEST", np.arange(3), np.ones(3))


def test_symbols_may_be_numbers():
    index = pd.DatetimeIndex(synthetic.dates(60))
    closes = pd.DataFrame({7203: synthetic.walk(60), 6758: synthetic.walk(60, 2)}, index=index)
    assert sweep("sma_cross", closes, {"fast": [3], "slow": [20]})["symbol"].tolist() == ["7203", "6758"]
