"""Whole shares: every kernel against its slow twin, and the rule in small."""

import itertools

import numpy as np
import pytest

from backtester.engine import (
    METRIC_NAMES,
    BadParameters,
    Grid,
    Parameter,
    Rules,
    from_function,
    get_strategy,
    replay,
    run_slice,
)
from tests.engine import synthetic

from .reference import signals, trading
from .reference.metrics import measure

DIRECTIONS = ("long", "short", "both")
CAPITAL = 1_000.0  # a few dozen shares, and in some worlds less than one
CASES = list(itertools.product(synthetic.HARD, DIRECTIONS, (0.0, 0.004)))


def exchange(fees, direction="long"):
    rules = Rules(direction=direction, fees=fees, slippage=fees / 2, initial_capital=CAPITAL, whole_shares=True)
    return rules, {"fees": fees, "slippage": fees / 2, "capital": CAPITAL, "whole": True}


def bars_of(world):
    close = synthetic.HARD[world]
    return synthetic.prices(close, opens=synthetic.gappy(close))


def expect(grid, bars, rules, twin):
    metrics = run_slice(grid, bars, 0, grid.size, rules).metrics
    days = bars.dates.astype(int).tolist()
    for index in range(grid.size):
        expected = measure(twin(grid.decode(index).parameters), days, periods=252)
        got = dict(zip(METRIC_NAMES, metrics[:, index].tolist(), strict=True))
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), index
        again = replay(grid, bars, index, rules)
        assert np.array_equal(again.shares, np.round(again.shares))
        assert again.equity[-1] == pytest.approx(got["final_equity"], rel=1e-11)


@pytest.mark.parametrize(("world", "direction", "fees"), CASES)
def test_a_signal_strategy_with_whole_shares_is_what_the_slow_twin_says(world, direction, fees):
    bars = bars_of(world)
    close, fill = bars.close.tolist(), bars.fill.tolist()
    rules, costs = exchange(fees, direction)
    axes = {"fast": [1, 5], "slow": [3, 20], "stop_loss": [0.0, 0.03], "trailing_stop": [0.0, 0.1]}

    def twin(parameters):
        wishes = signals.sma_cross_wishes(close, parameters["fast"], parameters["slow"])
        stops = (parameters["stop_loss"], 0.0, parameters["trailing_stop"])
        return trading.follow(close, fill, wishes, direction=direction, stops=stops, **costs)

    expect(Grid(get_strategy("sma_cross"), ["TEST"], axes), bars, rules, twin)


@pytest.mark.parametrize(("world", "direction", "fees"), CASES)
def test_grid_dca_with_whole_shares_is_what_the_slow_twin_says(world, direction, fees):
    bars = bars_of(world)
    rules, costs = exchange(fees, direction)
    axes = {
        "grid_interval": [0.01, 0.1],
        "profit_requirement": [0.0, 0.07],
        "trailing_stop": [0.03],
        "max_lots": [1, 7],
    }

    def twin(parameters):
        fill = bars.fill.tolist()
        return trading.grid_dca(bars.close.tolist(), fill, *parameters.values(), direction=direction, **costs)

    expect(Grid(get_strategy("grid_dca"), ["TEST"], axes), bars, rules, twin)


@pytest.mark.parametrize(("world", "fees"), list(itertools.product(synthetic.HARD, (0.0, 0.004))))
def test_periodic_dca_with_whole_shares_is_what_the_slow_twin_says(world, fees):
    bars = bars_of(world)
    rules, costs = exchange(fees)
    axes = {"every": [1, 7], "instalments": [1, 9], "profit_requirement": [0.0, 0.1]}

    def twin(parameters):
        return trading.periodic_dca(bars.close.tolist(), bars.fill.tolist(), *parameters.values(), **costs)

    expect(Grid(get_strategy("periodic_dca"), ["TEST"], axes), bars, rules, twin)


def own(targets):
    nothing = Parameter("nothing", "int", 1, 0, 9, "", "Nothing", "", {"start": 1, "stop": 2, "step": 1})
    strategy = from_function(lambda close, nothing: targets, name="own", title="Own", parameters=(nothing,))
    return Grid(strategy, ["TEST"], {})


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("world", synthetic.HARD)
def test_whole_positions_in_whole_shares_trade_as_a_signal_does(world, direction):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close)
    rules, _ = exchange(0.003, direction)
    wishes = np.array(signals.sma_cross_wishes(close.tolist(), 2, 9), dtype=float)
    built_in = replay(Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [9]}), bars, 0, rules)
    again = replay(own(wishes), bars, 0, rules)
    assert again.metrics == pytest.approx(built_in.metrics, rel=1e-9, nan_ok=True)
    assert again.shares == pytest.approx(built_in.shares)
    assert [(trade.entry_date, trade.shares) for trade in again.trades] == [
        (trade.entry_date, trade.shares) for trade in built_in.trades
    ]


def test_fractions_of_the_equity_are_held_in_whole_shares_and_never_in_more_than_was_wanted():
    close = synthetic.walk(200, seed=6)
    targets = np.repeat(np.random.default_rng(6).choice([-1.0, -0.5, 0.0, 0.3, 0.6, 1.0], 40), 5)
    again = replay(own(targets), synthetic.prices(close), 0, exchange(0.002, "both")[0])
    assert np.array_equal(again.shares, np.round(again.shares))
    ordered = np.flatnonzero(np.diff(targets[:-1])) + 2  # bars on which an order was filled, at the close
    assert np.all(np.abs(again.exposure[ordered]) <= np.abs(targets[ordered - 1]) + 1e-9)
    assert len(set(again.shares.tolist())) > 5


def test_whole_shares_is_a_yes_or_a_no():
    with pytest.raises(BadParameters, match="whole_shares must be True or False, got 1"):
        Rules(whole_shares=1)
