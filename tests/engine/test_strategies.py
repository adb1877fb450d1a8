"""Every signal strategy against a slow twin of its own words, and the stops of all of them."""

import math
from typing import Any

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES, Grid, Rules, get_strategy, replay, run_slice
from backtester.engine.metrics.metrics import N_METRICS
from backtester.engine.run import Scratch, run_plain
from tests.engine import synthetic

from .reference import signals, trading
from .reference.metrics import measure

AXES: dict[str, dict[str, list[float]]] = {
    "sma_cross": {"fast": [1, 2, 5], "slow": [3, 20]},
    "ema_cross": {"fast": [1, 3], "slow": [4, 25]},
    "macd": {"fast": [2, 5], "slow": [6, 20], "signal": [1, 4, 9]},
    "rsi_reversal": {"period": [2, 9], "entry_level": [20, 45], "exit_level": [50, 70]},
    "bollinger_reversal": {"window": [2, 20], "width": [0.5, 1.5]},
    "bollinger_breakout": {"window": [2, 20], "width": [0.5, 1.5]},
    "donchian_breakout": {"exit_window": [1, 5, 16], "entry_window": [2, 8, 33]},
    "momentum": {"skip": [0, 3], "lookback": [1, 5, 60]},
}
WISHES: dict[str, Any] = {
    "sma_cross": signals.sma_cross_wishes,
    "ema_cross": signals.ema_cross_wishes,
    "macd": signals.macd_wishes,
    "rsi_reversal": signals.rsi_reversal_wishes,
    "bollinger_reversal": signals.bollinger_reversal_wishes,
    "bollinger_breakout": signals.bollinger_breakout_wishes,
    "donchian_breakout": signals.donchian_wishes,
    "momentum": signals.momentum_wishes,
}


@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("world", synthetic.HARD)
@pytest.mark.parametrize("name", AXES)
def test_a_signal_strategy_does_what_its_slow_twin_does(name, world, direction):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close)
    grid = Grid(get_strategy(name), ["TEST"], AXES[name])
    result = run_slice(grid, bars, 0, grid.size, Rules(direction=direction, fees=0.003, slippage=0.001))
    assert result.errors == {}
    for index in range(grid.size):
        values = grid.decode(index).parameters
        wishes = WISHES[name](close.tolist(), *values.values(), direction=direction)
        outcome = trading.follow(
            close.tolist(), close.tolist(), wishes, direction=direction, fees=0.003, slippage=0.001
        )
        expected = measure(outcome, bars.dates.astype(int).tolist(), periods=252)
        got = dict(zip(METRIC_NAMES, result.metrics[:, index].tolist(), strict=True))
        assert {key: got[key] for key in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), values


STOPS = {"stop_loss": [0.0, 0.02, 0.15], "take_profit": [0.0, 0.04, 0.3], "trailing_stop": [0.0, 0.03, 0.2]}


@pytest.mark.parametrize("with_opens", [False, True])
@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("world", synthetic.HARD)
def test_stops_do_what_the_slow_twin_does(world, direction, with_opens):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close, opens=synthetic.gappy(close) if with_opens else None)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2, 5], "slow": [20], **STOPS})
    metrics = run_slice(grid, bars, 0, grid.size, Rules(direction=direction, fees=0.003)).metrics
    for index in range(grid.size):
        values = dict(grid.decode(index).parameters)
        wishes = signals.sma_cross_wishes(close.tolist(), values.pop("fast"), values.pop("slow"))
        outcome = trading.follow(
            close.tolist(), bars.fill.tolist(), wishes, direction=direction, fees=0.003, stops=tuple(values.values())
        )
        expected = measure(outcome, bars.dates.astype(int).tolist(), periods=252)
        got = dict(zip(METRIC_NAMES, metrics[:, index].tolist(), strict=True))
        assert {key: got[key] for key in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), values


@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("name", AXES)
def test_the_fast_path_and_the_plain_path_agree(name, direction):
    bars = synthetic.prices(synthetic.walk(900, seed=12), opens=synthetic.gappy(synthetic.walk(900, seed=12)))
    grid = Grid(get_strategy(name), ["TEST"], {**AXES[name], "stop_loss": [0, 0.1], "trailing_stop": [0, 0.2]})
    rules = Rules(direction=direction, fees=0.001, slippage=0.0005)
    fast = run_slice(grid, bars, 0, grid.size, rules).metrics
    plain = np.empty((N_METRICS, grid.size))
    parameters = grid.decode_many(np.arange(grid.size)).parameters
    run_plain(grid.strategy, bars, parameters, rules, plain, Scratch.for_bars(bars.n_bars))
    assert fast == pytest.approx(plain, rel=1e-11, abs=1e-11, nan_ok=True)


@pytest.mark.parametrize("with_opens", [False, True])
@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("world", synthetic.HARD)
def test_the_lanes_of_grid_dca_agree_with_its_plain_path(world, direction, with_opens):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close, opens=synthetic.gappy(close) if with_opens else None)
    axes = {"grid_interval": [0.01, 0.04, 0.3], "profit_requirement": [0.0, 0.02, 0.1], "trailing_stop": [0.0, 0.01]}
    grid = Grid(get_strategy("grid_dca"), ["TEST"], {**axes, "max_lots": [1, 4, 25]})
    rules = Rules(direction=direction, fees=0.002, slippage=0.0005)
    plain = np.empty((N_METRICS, grid.size))
    parameters = grid.decode_many(np.arange(grid.size)).parameters
    run_plain(grid.strategy, bars, parameters, rules, plain, Scratch.for_bars(bars.n_bars))
    fast = run_slice(grid, bars, 0, grid.size, rules).metrics
    exact = [name not in ("max_drawdown", "calmar") for name in METRIC_NAMES]
    assert np.array_equal(fast[exact], plain[exact], equal_nan=True)
    assert fast == pytest.approx(plain, rel=1e-14, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize("direction", ["short", "both"])
@pytest.mark.parametrize("price", [5.89, 7.7, 12.31, 33.07, 71.93])
def test_a_short_is_ruined_where_its_slow_twin_is(price, direction):
    # Each short of a price that doubles or halves owes its whole cash at some close: rounding must not save it.
    steps = np.random.default_rng(4).choice([-1, 0, 0, 1], size=(20, 40)).cumsum(axis=1)
    for close in price * 2.0**steps:
        bars = synthetic.prices(close)
        grid = Grid(get_strategy("momentum"), ["TEST"], {"skip": [0], "lookback": [1, 2, 5], "take_profit": [0.0, 0.6]})
        metrics = run_slice(grid, bars, 0, grid.size, Rules(direction=direction)).metrics
        for index in range(grid.size):
            values = grid.decode(index).parameters
            wishes = signals.momentum_wishes(close.tolist(), values["skip"], values["lookback"], direction=direction)
            stops = (0.0, values["take_profit"], 0.0)
            outcome = trading.follow(close.tolist(), close.tolist(), wishes, direction=direction, stops=stops)
            expected = measure(outcome, bars.dates.astype(int).tolist(), periods=252)
            got = dict(zip(METRIC_NAMES, metrics[:, index].tolist(), strict=True))
            assert {key: got[key] for key in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


def test_stops_are_not_part_of_a_grid_that_does_not_ask_for_them():
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {})
    assert list(grid.axes) == ["fast", "slow"]
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"trailing_stop": [0.1], "stop_loss": [0.1, 0.2]}, [1.0])
    assert list(grid.axes) == ["fast", "slow", "stop_loss", "trailing_stop"]
    again = replay(grid, synthetic.prices(synthetic.walk(300)), 1, Rules(), beta=0.5)
    assert again.effective_parameters["stop_loss"] == pytest.approx(0.1)
    assert again.effective_parameters["slow"] == 100


def test_a_stop_loss_leaves_and_waits_for_the_next_signal():
    # Rising, a crash that the averages notice late, then rising again: the stop leaves at the bar after the crash.
    close = np.concatenate((np.linspace(10, 20, 40), [15.0], np.linspace(15.1, 30, 60)))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [1], "slow": [30], "stop_loss": [0.05]})
    trades = replay(grid, synthetic.prices(close), 0, Rules()).trades
    assert math.isclose(trades[0].entry_price, close[30])
    assert len(trades) == 2
    assert trades[0].exit_date is not None
    assert trades[1].entry_date > trades[0].exit_date
