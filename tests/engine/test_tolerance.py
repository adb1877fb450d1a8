"""Numbers that rounding once decided: no test of these may depend on the last digit of a sum."""

import math

import numpy as np
import pandas as pd
import pytest

from backtester.engine import (
    METRIC_NAMES,
    Grid,
    Parameter,
    Rules,
    axis_values,
    from_function,
    get_strategy,
    replay,
    run_slice,
    sweep,
    undefined_reasons,
)
from backtester.engine.statistics.bootstrap import influence
from backtester.engine.statistics.partitions import sharpe_of_sums, sharpe_of_sums_nb
from backtester.engine.statistics.sharpe import moments
from backtester.engine.sweep import prices_of
from tests.engine import synthetic

PLAIN = Rules()


def run(name, close, rules=PLAIN, *, opens=None, **axes):
    """Metrics by name of one combination, and its replay."""
    grid = Grid(get_strategy(name), ["TEST"], {key: [value] for key, value in axes.items()})
    again = replay(grid, synthetic.prices(close, opens=opens), 0, rules)
    return again.metrics, again


def own(targets, close, rules=PLAIN):
    nothing = Parameter("nothing", "int", 1, 0, 9, "", "", "", {"start": 1, "stop": 2, "step": 1})
    strategy = from_function(lambda close, nothing: np.array(targets), name="own", title="", parameters=(nothing,))
    return replay(Grid(strategy, ["TEST"], {}), synthetic.prices(close), 0, rules)


@pytest.mark.parametrize("scale", [1.0, 3.0, 7.7, 0.013, 1e6])
def test_an_equity_that_never_falls_has_no_loss_and_no_drawdown(scale):
    metrics, _ = run("sma_cross", scale * np.array([0.17, 0.18, 0.19, 0.20, 0.21]), fast=1, slow=2)
    assert math.isnan(metrics["sortino"])
    assert math.isnan(metrics["calmar"])
    assert metrics["max_drawdown"] == 0
    assert undefined_reasons(metrics)["sortino"].code == "no_losing_bar"


@pytest.mark.parametrize("name", ["sma_cross", "rsi_reversal", "grid_dca", "periodic_dca", "bollinger_reversal"])
def test_no_ratio_of_a_short_real_range_is_made_of_rounding(name, real_closes):
    axes = {
        "sma_cross": {"fast": [1, 2, 3, 5], "slow": [4, 6, 10, 20]},
        "rsi_reversal": {"period": [2, 3, 5], "entry_level": [10, 30, 45], "exit_level": [50, 55, 70]},
        "grid_dca": {"grid_interval": [0.01, 0.03], "profit_requirement": [0.0, 0.02], "trailing_stop": [0.0, 0.01]},
        "periodic_dca": {"every": [1, 5], "instalments": [1, 7], "profit_requirement": [0.0, 0.01]},
        "bollinger_reversal": {"window": [5, 10], "width": [0.5, 1.0]},
    }[name]
    for first in (500, 3_000, 7_000):
        table = sweep(name, real_closes.iloc[first : first + 63], axes)
        for ratio in ("sortino", "calmar", "profit_factor"):
            assert table[ratio].abs().max() < 1e6, ratio


def test_trades_at_the_price_of_their_entry_neither_win_nor_lose():
    for a in np.round(np.linspace(1.01, 97.3, 80), 2).tolist():
        close = np.array([0.9, 0.95, 1.0, 1.1, 1.05, 1.0, 0.9] * 6) * a
        metrics, _ = run("momentum", close, skip=0, lookback=1)
        assert metrics["trades"] == 6
        assert metrics["win_rate"] == 0, a
        assert math.isnan(metrics["profit_factor"]), a
        assert math.isnan(metrics["sqn"]), a


@pytest.mark.parametrize("direction", ["long", "short", "both"])
def test_a_bollinger_tie_is_no_crossing(direction):
    # The last of five closes, four of them equal, is exactly two deviations from their average.
    for base in (91.50, 91.57, 1_013.25, 0.0071, 12_345.67):
        close = np.concatenate((np.full(6, base), [base + base * 1e-4] * 2, np.full(6, base)))
        for name in ("bollinger_breakout", "bollinger_reversal"):
            _, again = run(name, close, Rules(direction=direction), window=5, width=2.0)
            assert again.trades == [], (base, name)


def test_two_closes_are_always_exactly_one_deviation_from_their_average(real_closes):
    for symbol in ("AAPL", "KO"):
        bars = prices_of(symbol, real_closes[symbol])
        grid = Grid(get_strategy("bollinger_breakout"), [symbol], {"window": [2], "width": [1.0]})
        assert replay(grid, bars, 0, Rules()).metrics["trades"] == 0


def test_a_deviation_of_a_billionth_of_the_price_is_seen():
    close = 1e6 + 0.001 * np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 9, 9, 9, 0, 0, 0, 0])
    _, again = run("bollinger_breakout", close, window=8, width=2.0)
    assert len(again.trades) == 1


@pytest.mark.parametrize("instalments", [3, 7, 10, 12])
def test_a_flat_market_without_costs_has_no_ratio(instalments):
    rules = Rules(initial_capital=1.0)
    metrics, _ = run("periodic_dca", np.full(64, 7.3), rules, every=2, instalments=instalments)
    assert metrics["annualized_volatility"] == 0
    assert metrics["max_drawdown"] == 0
    assert metrics["max_drawdown_duration"] == 0
    assert [name for name in ("sharpe", "sortino", "calmar") if not math.isnan(metrics[name])] == []


def test_a_flat_market_without_costs_has_no_sharpe_ratio_in_the_statistics_either():
    _, played = run("periodic_dca", np.full(64, 7.3), Rules(initial_capital=1.0), every=2, instalments=12)
    returns = np.diff(played.equity) / played.equity[:-1]
    assert 0 < np.abs(returns).max() < 1e-12
    assert np.isnan(moments(returns).sharpe)
    n, total, squares = float(len(returns)), returns.sum(), (returns**2).sum()
    assert sharpe_of_sums_nb(n, total, squares) == 0.0
    assert sharpe_of_sums(np.array([n]), np.array([total]), np.array([squares])).tolist() == [0.0]
    blocks = np.stack([part.sum(axis=-1) for part in (returns.reshape(1, 7, 9), returns.reshape(1, 7, 9) ** 2)])
    assert np.isnan(influence(np.full(7, 9.0), *blocks)).all()


def test_a_benchmark_may_be_a_series(real_closes):
    closes = real_closes[["AAPL", "KO"]].iloc[-600:]
    market = real_closes["SP500"].iloc[-600:]
    by_series = sweep("grid_dca", closes, {}, benchmark=market, coefficients=[1.0])
    by_name = sweep(
        "grid_dca", real_closes[["AAPL", "KO", "SP500"]].iloc[-600:], {}, benchmark="SP500", coefficients=[1.0]
    )
    pd.testing.assert_frame_equal(by_series, by_name)
    assert set(by_series["symbol"]) == {"AAPL", "KO"}


@pytest.mark.parametrize("lowest", [10.0, 1e-3, 1e-6])
def test_macd_sees_the_same_crosses_after_a_long_fall(lowest):
    # The same moves before and after a fall by a factor of a billion and more: each side holds as often.
    rng = np.random.default_rng(2)
    moves = np.exp(np.cumsum(rng.normal(0, 0.02, 700)))
    high, low = 1e9 * moves, lowest * moves
    fall = np.geomspace(high[-1], low[0], 900)
    rules = Rules(direction="both")
    _, alone = run("macd", low, rules)
    _, after = run("macd", np.concatenate((high, fall, low)), rules)
    assert np.array_equal(np.sign(alone.exposure[500:]), np.sign(after.exposure[-200:]))


def test_grid_dca_counts_closes_since_the_last_sale_not_its_open():
    # Sold at an open of 130; the highest close since then is 112, and 5 % below it is 106.4.
    close = [100, 90, 90, 112, 112, 108, 106, 106]
    opens = [100, 100, 90, 90, 130, 112, 108, 106]
    axes = {"grid_interval": 0.05, "profit_requirement": 0.1, "trailing_stop": 0.0, "max_lots": 1}
    _, again = run("grid_dca", close, opens=opens, **axes)
    assert [trade.entry_price for trade in again.trades] == [90, 106]


def test_the_capital_of_a_part_of_the_equity_is_that_part():
    again = own([0.25, 0.25, 0.5, 0.5, 0.1, 0.0, 0.0], [10.0] * 7, Rules(initial_capital=1_000.0))
    assert again.metrics["deployed_capital"] == pytest.approx(500)
    again = own([0.25, 0.25, 0.25, 0.0, 0.0], [10.0, 10.0, 12.0, 12.0, 12.0], Rules(initial_capital=1_000.0))
    assert again.metrics["deployed_capital"] == pytest.approx(250)
    assert again.metrics["best_trade"] == pytest.approx(0.2)
    assert again.trades[0].return_ == pytest.approx(0.2)
    paid = own([0.5, 0.5, 0.5], [10.0] * 3, Rules(initial_capital=1_000.0, fees=0.01))
    assert paid.metrics["deployed_capital"] == pytest.approx(500, rel=0.02)


def test_one_bad_print_long_ago_does_not_change_the_volatility_target():
    close = synthetic.walk(500, volatility=0.02)
    broken = close.copy()
    broken[50] /= 1e6
    axes = {"window": 20, "target": 0.1, "every": 21}
    _, right = run("volatility_target", close, **axes)
    _, after = run("volatility_target", broken, **axes)
    ordered = slice(20 + 21 * 10, 500)
    assert after.exposure[ordered] == pytest.approx(right.exposure[ordered], rel=1e-9)
    assert right.exposure[300] < 0.9


def test_rounding_alone_changes_no_target():
    # Of a periodic price, the deviation of a whole period is always the same: one order.
    close = np.tile([10.0, 10.7, 9.9, 10.3], 100)
    _, again = run("volatility_target", close, Rules(fees=0.01), window=4, target=0.05, every=4)
    assert len(np.unique(again.shares.round(9))) == 2


@pytest.mark.parametrize("price", [1e-8, 1e-10, 3e-9])
def test_whole_shares_of_tiny_prices_spend_no_more_than_there_is(price):
    close = np.full(40, price)
    rules = Rules(whole_shares=True)
    metrics, again = run("periodic_dca", close, rules, every=2, instalments=7)
    assert metrics["deployed_capital"] == pytest.approx(100_000, rel=1e-9)
    assert len(np.unique(again.shares)) == 8
    metrics, again = run("sma_cross", price * 1.01 ** np.arange(40), rules, fast=1, slow=2)
    assert metrics["deployed_capital"] <= 100_000


def test_a_yearly_return_beyond_all_numbers_is_undefined():
    close = np.geomspace(1.0, 1e60, 34)
    metrics, _ = run("sma_cross", close, fast=1, slow=2)
    assert math.isnan(metrics["annualized_return"])
    assert math.isnan(metrics["calmar"])
    assert undefined_reasons(metrics)["annualized_return"].code == "too_large"


def test_an_axis_never_exceeds_its_stop():
    width = get_strategy("bollinger_reversal").parameter("width")
    assert axis_values(width, {"start": 0.1, "stop": 0.9999999999, "step": 0.1})[-1] == 0.9
    assert axis_values(width, {"start": 0.1, "stop": 0.1 * 8 - 1e-16, "step": 0.1})[-1] == 0.8
    assert axis_values(width, {"start": 0.1, "stop": 0.1 + 0.2, "step": 0.1}) == [0.1, 0.2, 0.3]


def test_a_percentage_scaled_below_its_bounds_fails_in_words():
    grid = Grid(get_strategy("grid_dca"), ["TEST"], {"grid_interval": [0.1]}, [1.0])
    result = run_slice(grid, synthetic.prices(synthetic.walk(50)), 0, 1, Rules(), beta=1e-8)
    assert list(result.errors) == [
        "grid_interval scaled by beta and coefficient goes below 0.0005 for TEST (beta 1e-08)."
    ]
    assert np.isnan(result.metrics[METRIC_NAMES.index("final_equity")]).all()


DOUBLED = [1.0, 1.0, 1.0, 2.0, 0.5, 0.6, 0.4, 0.4]
TRIPLED = [1.0, 1.0, 1.0, 3.0, 0.5, 0.6, 0.4, 0.4]
RUINED = {
    "held": (DOUBLED, [-1, -1, -1, -1, -1, -1, -1, -1], "short"),
    "closed": (DOUBLED, [-1, -1, 0, 0, 0, 0, 0, 0], "short"),
    "turned": (DOUBLED, [-1, -1, 1, 1, 1, 1, 1, 1], "both"),
    "opened again": (DOUBLED, [-1, -1, 0, -1, -1, 1, 1, 1], "both"),
    "half": (TRIPLED, [-0.5, -0.5, -0.5, -0.5, -0.25, -0.5, -0.5, 0.5], "both"),
    "half, closed": (TRIPLED, [-0.5, -0.5, 0, 0, -0.5, 0.5, 0.5, 0.5], "both"),
}


@pytest.mark.parametrize("name", RUINED)
def test_a_short_that_owes_exactly_its_cash_is_ruined(name):
    path, targets, direction = RUINED[name]
    for price in np.round(np.linspace(1.01, 97.3, 80), 2).tolist():
        again = own(targets, price * np.array(path), Rules(direction=direction))
        assert again.equity.tolist() == pytest.approx([100_000.0] * 3 + [0.0] * 5, rel=1e-12, abs=0), price
        assert again.metrics["final_equity"] == 0, price
        assert again.metrics["max_drawdown"] == -1, price
        assert again.metrics["trades"] == 1, price
        assert [trade.pnl for trade in again.trades] == pytest.approx([-100_000.0]), price


@pytest.mark.parametrize("lots", [1, 5])
def test_a_short_grid_that_owes_exactly_its_cash_is_ruined(lots):
    for price in np.round(np.linspace(1.01, 97.3, 80), 2).tolist():
        close = price * np.array([0.5, 1.0, 1.0, 1.0 + lots, 0.5, 0.6, 1.2])
        rules = Rules(direction="short")
        metrics, again = run("grid_dca", close, rules, grid_interval=0.5, max_lots=lots, trailing_stop=0.0)
        assert again.equity[3:].tolist() == [0.0] * 4, price
        assert metrics["final_equity"] == 0, price
        assert metrics["trades"] == 1, price
