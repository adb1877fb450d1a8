"""Bars of a longer timeframe: per session, complete, with gaps left as they are, over clock changes and half days."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from backtester.engine import BadGrid, BadParameters, BadPrices, Grid, Prices, Rules, get_strategy, run_slice, sweep
from backtester.engine.timeframes import build, calendar_of, name_of, seconds_of
from tests.engine import synthetic

from .reference import timeframes as slow
from .test_moments import FOREX, NEW_YORK, around_the_clock, session_minutes


def ohlc(index, seed=1, zone=None):
    close = synthetic.walk(len(index), seed, volatility=0.001, decimals=4)
    opens = synthetic.gappy(close)
    rng = np.random.default_rng(seed)
    high, low = np.maximum(close, opens) * (1 + rng.random(len(index)) / 100), np.minimum(close, opens) * 0.99
    moments = index.tz_convert(None).to_numpy() if index.tz else index.to_numpy()
    zone = zone or (str(index.tz) if index.tz else "UTC")
    return Prices("TEST", moments, close, opens, high, low, rng.integers(0, 900, len(index)), timezone=zone)


def rows_of(bars):
    times = [pd.Timestamp(date, tz="UTC").to_pydatetime() for date in bars.dates]
    return list(zip(times, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True))


def hours(index):
    return [str(time)[11:16] for time in index]


def some(index, share, seed):
    return index[np.random.default_rng(seed).random(len(index)) < share]


HALF_DAY = session_minutes("2023-11-20", "2023-12-01", "5min")
HALF_DAY = HALF_DAY[~((HALF_DAY.strftime("%m-%d") == "11-24") & (HALF_DAY.hour >= 13))]


@pytest.mark.parametrize("timeframe", ["15m", "1h", "4h"])
@pytest.mark.parametrize(
    "bars",
    [
        ohlc(session_minutes("2023-03-06", "2023-03-17", "5min")),  # the clock changes on the 12th
        ohlc(HALF_DAY),
        ohlc(some(session_minutes("2023-03-06", "2023-03-10"), 0.6, 4)),
        ohlc(around_the_clock("2023-03-10", "2023-03-14", "5min"), zone=NEW_YORK),
        ohlc(around_the_clock("2023-11-03 07:35", "2023-11-07 11:10", "5min"), zone=NEW_YORK),
        ohlc(around_the_clock("2023-11-03 07:35", "2023-11-07 11:10", "5min")),
        ohlc(FOREX[:2000]),
        ohlc(session_minutes("2023-06-05", "2023-06-09", "5min", "Asia/Tokyo")),
    ],
    ids=["DST", "half day", "quiet", "spring", "autumn", "UTC", "forex", "Tokyo"],
)
def test_bars_within_a_day_are_those_of_the_slow_twin(bars, timeframe):
    bar, size = timedelta(seconds=bars.bar_seconds), timedelta(seconds=seconds_of(timeframe))
    rows = rows_of(bars)
    session = slow.usual_session(rows, bar=bar, zone=bars.timezone)
    expected = slow.grouped(rows, bar=bar, size=size, zone=bars.timezone, session=session)
    assert rows_of(build(bars, timeframe).prices) == expected


def test_a_session_begins_with_its_first_bar_and_its_last_bar_may_be_short():
    built = build(ohlc(session_minutes("2023-03-06", "2023-03-10", "5min", "UTC")), "2h").prices
    assert hours(built.dates[:4]) == ["09:30", "11:30", "13:30", "15:30"]
    assert (built.n_bars, built.bar_seconds, built.timezone) == (20, 7_200, "UTC")


def test_partial_bars_at_the_ends_are_left_out():
    built = build(ohlc(around_the_clock("2023-03-01 00:03", "2023-03-04 11:07")), "1h").prices
    assert (str(built.dates[0])[:16], str(built.dates[-1])[:16]) == ("2023-03-01T01:00", "2023-03-04T10:00")


def test_a_gap_is_not_filled_and_a_bar_with_a_gap_is_what_it_has():
    index = around_the_clock("2023-03-01", "2023-03-02", "15min")
    holed = index[~((index.hour >= 5) & (index.hour < 9)) & ~((index.hour == 9) & (index.minute == 0))]
    bars = ohlc(holed)
    built = build(bars, "1h").prices
    assert hours(built.dates)[:7] == ["00:00", "01:00", "02:00", "03:00", "04:00", "09:00", "10:00"]
    assert built.fill[5] == bars.fill[20]


def test_days_are_those_of_the_exchange_and_weeks_end_with_their_last_day():
    index = session_minutes("2023-02-01", "2023-03-30", "15min")
    bars = ohlc(index[3:])  # the first day begins late
    daily = build(bars, "1d").prices
    wall = pd.Series(bars.close, index=index[3:])
    closes = wall.groupby(wall.index.date).last()[1:]
    assert daily.dates.astype(str).tolist() == [str(day) for day in closes.index]
    assert daily.close.tolist() == closes.tolist()
    weekly = build(bars, "1w").prices
    assert weekly.dates.astype(str).tolist() == [
        str(day) for day in pd.date_range("2023-02-10", "2023-03-24", freq="W-FRI").date
    ]
    assert weekly.bar_seconds == 604_800
    assert weekly.periods_per_year == pytest.approx(365.25 / 7)


def test_weeks_of_daily_bars_are_whole():
    days = pd.bdate_range("2023-01-04", "2023-03-31")
    bars = Prices("TEST", days.to_numpy(), synthetic.walk(len(days)))
    weekly = build(bars, "1w").prices
    assert (str(weekly.dates[0]), str(weekly.dates[-1])) == ("2023-01-13", "2023-03-31")
    assert build(bars, "1d").prices is bars
    two = build(bars, "2d").prices
    assert two.n_bars > weekly.n_bars * 2


def test_only_bars_whose_stored_bars_are_all_within_the_dates_are_tested():
    bars = ohlc(around_the_clock("2023-03-01", "2023-03-03", "15min"))
    built = build(bars, "1h")
    cut = built.within(2, 23)
    assert (hours(cut.dates)[0], hours(cut.dates)[-1]) == ("01:00", "04:00")
    assert (cut.bar_seconds, cut.periods_per_year) == (3_600, built.prices.periods_per_year)
    assert built.within(1, 4) is None


def test_no_bar_knows_a_later_one():
    bars = ohlc(session_minutes("2023-03-06", "2023-03-31", "5min"))
    whole = build(bars, "1h")
    for stored in (200, 777, 1201):
        early = build(bars.part(0, stored), "1h").prices
        assert np.array_equal(early.close, whole.prices.close[: early.n_bars])
        assert whole.stops[early.n_bars - 1] <= stored


@pytest.mark.parametrize(
    ("timeframe", "says"),
    [
        ("5", "must be like 5m, 4h, 1d or 1w, got '5'"),
        ("0m", "must be like"),
        ("1M", "must be like"),
        ("24h", "a day or more is written in d or w, got '24h'"),
        ("1m", "1m cannot be tested: TEST has longer bars, 5m"),
        ("7m", "no multiple of the bars of TEST, 5m"),
    ],
)
def test_a_timeframe_that_cannot_be_built_is_refused(timeframe, says):
    with pytest.raises(BadParameters, match=says) as caught:
        build(ohlc(session_minutes("2023-03-06", "2023-03-07", "5min")), timeframe)
    assert caught.value.field == "timeframes"


def test_irregular_bars_have_no_timeframes():
    index = (
        some(around_the_clock("2023-03-01", "2023-03-02"), 0.9, 1)
        + pd.to_timedelta(np.arange(1296) % 59, unit="s")[
            : len(some(around_the_clock("2023-03-01", "2023-03-02"), 0.9, 1))
        ]
    )
    with pytest.raises(BadParameters, match="TEST has irregular bars"):
        build(ohlc(index), "1h")


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (60, "1m"),
        (5400, "90m"),
        (14_400, "4h"),
        (86_400, "1d"),
        (604_800, "1w"),
        (30, None),
        (None, None),
        (365.25 / 12 * 86_400, None),
    ],
)
def test_stored_bars_have_a_name_where_a_timeframe_has_one(seconds, name):
    assert name_of(seconds) == name


@pytest.mark.parametrize(
    ("bars", "calendar"),
    [
        (ohlc(session_minutes("2023-03-06", "2023-03-17", "5min")), "09:30-16:00"),
        (ohlc(around_the_clock("2023-03-01", "2023-03-20", "1h")), "24/7"),
        (ohlc(FOREX[:3000]), "24/5"),
        (synthetic.prices(synthetic.walk(50)), "weekdays"),
        (Prices("TEST", pd.date_range("2023-01-01", periods=60).to_numpy(), np.ones(60)), "24/7"),
    ],
)
def test_the_traded_hours_are_found_from_the_bars(bars, calendar):
    assert calendar_of(bars) == calendar


def test_a_grid_has_its_timeframes_after_the_symbols():
    ranges = {"fast": [3, 5], "slow": [20]}
    grid = Grid(get_strategy("sma_cross"), ["A", "B"], ranges, timeframes=["5m", "1h"])
    plain = Grid(get_strategy("sma_cross"), ["A", "B"], ranges)
    assert (grid.size, grid.size_per_symbol, grid.size_per_series, plain.size) == (8, 4, 2, 4)
    decoded = [grid.decode(index) for index in range(8)]
    assert [(one.symbol, one.timeframe, one.parameters["fast"]) for one in decoded] == [
        (symbol, timeframe, fast) for symbol in "AB" for timeframe in ("5m", "1h") for fast in (3, 5)
    ]
    assert plain.decode(0).timeframe is None
    assert grid.decode_many(np.arange(8)).timeframe_number.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert [grid.series_span(number) for number in range(4)] == [(0, 2), (2, 4), (4, 6), (6, 8)]


@pytest.mark.parametrize(
    ("timeframes", "says"),
    [([], "must be a list"), ("5m", "must be a list"), (["60m", "1h"], "must differ"), (["x"], "must be like")],
)
def test_timeframes_of_a_grid_are_checked(timeframes, says):
    with pytest.raises(BadParameters, match=says):
        Grid(get_strategy("sma_cross"), ["A"], {}, timeframes=timeframes)


def test_a_slice_needs_the_bars_of_its_timeframe():
    bars = ohlc(session_minutes("2023-03-06", "2023-03-17", "5min"))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [3], "slow": [8]}, timeframes=["5m", "1h"])
    with pytest.raises(BadGrid, match="of bars of 1h"):
        run_slice(grid, bars, 1, 2, Rules())
    with pytest.raises(BadGrid, match="more than one symbol and timeframe"):
        run_slice(grid, bars, 0, 2, Rules())


def test_a_sweep_over_timeframes_is_that_over_their_bars():
    index = session_minutes("2023-03-01", "2023-03-31", "5min")
    closes = pd.DataFrame({"A": synthetic.walk(len(index), volatility=0.001)}, index=index)
    table = sweep("sma_cross", closes, {"fast": [3], "slow": [8, 20]}, timeframes=["5m", "1h"])
    assert table["timeframe"].tolist() == ["5m", "5m", "1h", "1h"]
    hourly = closes.groupby([index.date, (index - index.normalize() - pd.Timedelta("9h30min")) // pd.Timedelta("1h")])
    opens = pd.DatetimeIndex(hourly["A"].apply(lambda part: part.index[0]))
    bars = pd.DataFrame({"A": hourly["A"].last().to_numpy()}, index=opens)
    alone = sweep("sma_cross", bars, {"fast": [3], "slow": [8, 20]})
    assert table["total_return"][2:].tolist() == alone["total_return"].tolist()
    with pytest.raises(BadPrices, match="A has no complete bar of 4w"):
        sweep("sma_cross", closes, {"fast": [3], "slow": [8]}, timeframes=["4w"])
