"""The size of a bar and the bars a year are found from the dates, and annualize what they should."""

import numpy as np
import pandas as pd
import pytest

from backtester.engine import Prices, Rules, buy_and_hold
from backtester.engine.bar_sizes import bar_days, median_distance
from backtester.engine.prices import has_several_a_day
from backtester.engine.timeframes import build, seconds_of

from .reference.calendar import bars_a_year, snapped

YEARS = {"start": "2015-01-01", "end": "2022-12-31"}


def dated(dates, closes=None):
    days = np.array(dates, dtype="datetime64[D]")
    return Prices("TEST", days, np.linspace(10, 20, len(days)) if closes is None else closes)


def calendar(frequency, **span):
    return pd.date_range(**(YEARS | span), freq=frequency)


def without(dates, share, seed=3):
    """Leave out a share of the days, as holidays do."""
    return dates[np.random.default_rng(seed).random(len(dates)) >= share]


CURRENCY = calendar("D")[calendar("D").day_of_week != 5]  # Sunday to Friday
SUNDAY_TO_THURSDAY = calendar("D")[~calendar("D").day_of_week.isin([4, 5])]
GAP = calendar("B")[(calendar("B").year < 2017) | (calendar("B").year > 2019)]


@pytest.mark.parametrize(
    ("dates", "size", "expected"),
    [
        (calendar("B"), 1, 252),
        (without(calendar("B"), 0.035), 1, 252),  # nine holidays a year
        (without(calendar("B"), 0.065), 1, 252),  # seventeen, as in Tokyo
        (GAP, 1, 252),  # three years without a bar are no time
        (calendar("D"), 1, 365),
        (SUNDAY_TO_THURSDAY, 1, 252),  # a currency whose days are dated by their opening
        (CURRENCY, 1, 313.07),
        (calendar("W-FRI"), 7, 52.18),
        (calendar("W-SUN"), 7, 52.18),  # as pandas dates weeks
        (calendar("BME"), 365.25 / 12, 12),
        (calendar("MS"), 365.25 / 12, 12),
        (calendar("QE"), 365.25 / 4, 4),
        (calendar("YE", start="1960-01-01"), 365.25, 1),
        (calendar("14D"), None, 26.09),  # between two conventions: as counted
        (calendar("B", start="2022-10-01"), 1, 252),  # under a year
        (calendar("D", start="2022-12-20"), 1, 365),
        (calendar("B", start="2022-12-26"), 1, 252),  # Monday to Friday: no weekend was missed
        (SUNDAY_TO_THURSDAY[-30:], 1, 252),
        (calendar("B")[:1], 1, 252),
        (calendar("W")[:2], 7, 52.18),  # too few to count
        (calendar("BME")[:3], 365.25 / 12, 12),
        (["2020-01-01", "2020-03-02", "2021-01-04"], None, 252),
    ],
)
def test_bar_size_and_bars_a_year_are_found_from_the_dates(dates, size, expected):
    bars = dated(dates)
    assert bar_days(bars.days) == size
    assert bars.periods_per_year == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_the_count_is_that_of_its_slow_twin(seed):
    rng = np.random.default_rng(seed)
    dates = calendar(["D", "B", "W", "3D", "10D", "MS"][seed % 6])
    dates = dates[rng.random(len(dates)) > rng.uniform(0, 0.3)]
    assert dated(dates).periods_per_year == pytest.approx(snapped(bars_a_year(list(dates))))


def test_a_cut_has_the_bars_a_year_of_its_series():
    dates = calendar("W")
    cut = dated(dates).between(dates[5].date(), dates[6].date())
    assert (cut.n_bars, cut.periods_per_year) == (2, 365.25 / 7)
    assert cut.between(None, dates[5].date()).periods_per_year == 365.25 / 7
    currency = dated(CURRENCY)
    assert currency.between(CURRENCY[3].date(), CURRENCY[8].date()).periods_per_year == currency.periods_per_year


@pytest.mark.parametrize("bars", [25, 60, 120, 200, 600])
@pytest.mark.parametrize("timeframe", ["2d", "3d", "4d", "5d", "6d", "10d", "2w", "3w", "4w"])
def test_bars_of_several_days_are_annualized_by_their_own_number(timeframe, bars):
    """Also in a short series: two to four days look like daily bars, and two weeks like irregular ones."""
    days = calendar("B")[:bars]
    built = build(dated(days), timeframe)
    assert built is not None
    of_size = 365.25 * 86_400 / seconds_of(timeframe)
    counted = bars_a_year([*built.prices.dates.tolist()]) if built.prices.n_bars > 12 else of_size
    assert built.prices.periods_per_year == pytest.approx(snapped(counted))
    assert counted == pytest.approx(of_size, rel=0.2)  # two days of weekend are one bar less


def test_the_same_shares_have_one_sharpe_ratio_by_day_week_and_month():
    rng = np.random.default_rng(39)
    days = calendar("B", start="1963-01-01")
    closes = pd.Series(100 * np.exp(np.cumsum(rng.normal(0.0004, 0.011, len(days)))), index=days)
    sampled = [closes, *(closes.resample(rule).last().dropna() for rule in ("W-FRI", "W-SUN", "BME"))]
    held = [buy_and_hold(dated(prices.index, prices.to_numpy()), Rules()) for prices in sampled]
    for name in ("sharpe", "annualized_volatility"):
        values = [metrics[name] for metrics in held]
        assert values == pytest.approx([values[0]] * 4, rel=0.1), name


@pytest.mark.parametrize(
    "hours", [[1, 1, 24], [1, 24, 24], [1, 47], [1, 46], [1, 23, 24, 30], [1, 23, 25, 30], [24], [23], [1, 1, 48, 48]]
)
def test_bars_are_within_a_day_by_the_median_of_their_distances(hours):
    dates = np.cumsum([0, *hours]).astype("datetime64[h]")
    assert has_several_a_day(dates) == (np.median(hours) < 24)


@pytest.mark.parametrize(
    "distances", [[60], [60, 60, 61], [60, 61], [1, 9, 9, 9, 3], [5, 1, 4, 2, 3], [60] * 2_000 + [1]]
)
def test_the_median_distance_is_the_median(distances):
    assert median_distance(np.array(distances)) == np.median(distances)


def test_a_median_of_late_distances_is_not_that_of_the_first():
    distances = np.repeat([60, 300], [1_000, 2_000])
    assert median_distance(distances) == 300
