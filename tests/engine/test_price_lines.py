"""The lines of a strategy on the scale of its prices, against pandas."""

import numpy as np
import pandas as pd
import pytest

from backtester.engine import Prices, Rules, get_strategy, price_lines

N = 1_400  # three blocks of bars
CLOSE = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, N)))
PRICES = Prices("X", np.datetime64("2000-01-03") + np.arange(N), CLOSE)


def lines(name, direction="long", **parameters):
    return price_lines(get_strategy(name), PRICES, parameters, Rules(direction=direction))


def same(line, expected):
    np.testing.assert_allclose(line, expected.to_numpy(), rtol=1e-9)


def test_averages_are_those_of_pandas():
    close = pd.Series(CLOSE)
    simple = lines("sma_cross", fast=5, slow=700)
    assert list(simple) == ["Average of 5 bars", "Average of 700 bars"]
    same(simple["Average of 5 bars"], close.rolling(5).mean())
    same(simple["Average of 700 bars"], close.rolling(700).mean())
    exponential = lines("ema_cross", fast=3, slow=30)
    same(exponential["Exponential average of 30 bars"], close.ewm(span=30, adjust=False).mean())


def test_bands_are_deviations_around_the_average():
    band, close = lines("bollinger_reversal", window=20, width=1.5), pd.Series(CLOSE)
    mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    same(band["Upper band"], mean + 1.5 * deviation)
    same(band["Lower band"], mean - 1.5 * deviation)


def test_a_channel_has_the_lines_of_the_sides_that_are_traded():
    long, close = lines("donchian_breakout", exit_window=10, entry_window=55), pd.Series(CLOSE)
    assert list(long) == ["High of 55 bars", "Low of 10 bars"]
    same(long["High of 55 bars"], close.shift(1).rolling(55).max())
    same(long["Low of 10 bars"], close.shift(1).rolling(10).min())
    assert list(lines("donchian_breakout", "short", exit_window=10, entry_window=55)) == [
        "Low of 55 bars", "High of 10 bars",
    ]  # fmt: skip
    assert len(lines("donchian_breakout", "both", exit_window=10, entry_window=55)) == 4


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("rsi_reversal", {"period": 9, "entry_level": 20, "exit_level": 50}), ("grid_dca", {"grid_interval": 0.05})],
)
def test_a_strategy_that_decides_from_other_numbers_has_none(name, parameters):
    assert lines(name, **parameters) == {}


def test_a_window_longer_than_the_prices_has_no_value():
    assert np.isnan(lines("sma_cross", fast=5, slow=3_000)["Average of 3000 bars"]).all()
