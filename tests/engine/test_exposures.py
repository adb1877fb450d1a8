"""Strategies from a function: whole positions, fractions, plain Python, and those that fail."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.engine import (
    METRIC_NAMES,
    BadGrid,
    BadParameters,
    Grid,
    Parameter,
    Rules,
    below,
    from_function,
    get_strategy,
    is_warm,
    register,
    replay,
    run_slice,
    warm_up,
)
from backtester.engine.strategies import _catalog
from tests.engine import synthetic

from .reference import signals, trading
from .reference.metrics import measure


def number(name, default=1, kind="int"):
    return Parameter(name, kind, default, -1_000, 1_000, "", name, "", {"start": 1, "stop": 2, "step": 1})


def one(function, bars, rules, **values):
    parameters = tuple(number(name, kind="float") for name in values)
    strategy = from_function(function, name="own", title="Own", parameters=parameters)
    grid = Grid(strategy, ["TEST"], {name: [value] for name, value in values.items()})
    return replay(grid, bars, 0, rules)


@pytest.mark.parametrize("direction", ["long", "short", "both"])
@pytest.mark.parametrize("world", synthetic.HARD)
def test_whole_positions_trade_as_a_signal_does(world, direction):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close)
    rules = Rules(direction=direction, fees=0.003, slippage=0.001)
    wishes = np.array(signals.sma_cross_wishes(close.tolist(), 2, 9), dtype=float)
    own = one(lambda close, nothing: wishes, bars, rules, nothing=0.0)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [9]})
    built_in = replay(grid, bars, 0, rules)
    assert list(own.metrics.values()) == pytest.approx(list(built_in.metrics.values()), rel=1e-9, nan_ok=True)
    assert own.equity == pytest.approx(built_in.equity, rel=1e-9)
    assert len(own.trades) == len(built_in.trades)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 500), direction=st.sampled_from(["long", "short", "both"]))
def test_fractions_of_a_position_do_what_the_slow_twin_does(seed, direction):
    close = synthetic.walk(120, seed=seed)
    rng = np.random.default_rng(seed)
    targets = np.repeat(rng.choice([-1.0, -0.5, 0.0, 0.25, 0.6, 1.0, np.nan], 24), 5)
    own = one(
        lambda close, nothing: targets, synthetic.prices(close), Rules(direction=direction, fees=0.002), nothing=0.0
    )
    equity = trading.rebalance(close.tolist(), targets.tolist(), direction=direction, fees=0.002)
    assert own.equity == pytest.approx(equity, rel=1e-9)
    assert own.metrics["final_equity"] == pytest.approx(equity[-1], rel=1e-9)


def test_a_test_that_raises_fails_with_its_message_and_the_others_go_on():
    def fussy(close, level):
        if level == 3:
            raise ValueError("three is too much")
        return np.full(len(close), level / 10)

    strategy = from_function(fussy, name="fussy", title="Fussy", parameters=(number("level"),))
    grid = Grid(strategy, ["TEST"], {"level": [1, 3, 5, 20]})
    result = run_slice(grid, synthetic.prices(synthetic.walk(50)), 0, 4, Rules())
    assert {message: at.tolist() for message, at in result.errors.items()} == {
        "fussy failed: ValueError: three is too much": [1],
        "Exposures of fussy must be between -1 and 1 (all of the equity).": [3],
    }
    failed = np.isnan(result.metrics[METRIC_NAMES.index("final_equity")])
    assert failed.tolist() == [False, True, False, True]


def test_a_function_that_returns_too_few_numbers_fails_its_test():
    strategy = from_function(lambda close, level: close[:3], name="short", title="", parameters=(number("level"),))
    result = run_slice(Grid(strategy, ["TEST"], {}), synthetic.prices(synthetic.walk(50)), 0, 1, Rules())
    assert list(result.errors) == ["short must return 50 exposures for TEST, got 3."]


def test_a_function_must_take_what_is_declared():
    with pytest.raises(BadParameters, match="takes 'levle', which is no bar column"):
        from_function(lambda close, levle: close, name="own", title="", parameters=(number("level"),))
    with pytest.raises(BadParameters, match="must take 'level'"):
        from_function(lambda close: close, name="own", title="", parameters=(number("level"),))


def test_a_numba_function_sees_all_columns_of_the_bars():
    @numba.njit
    def above_open(open, close, volume, periods_per_year, share):
        return np.where(close > open, share, 0.0) * (periods_per_year == 252) + np.where(volume > 0, 9.0, 0.0)

    bars = synthetic.prices(synthetic.walk(80), opens=synthetic.gappy(synthetic.walk(80)))
    own = one(above_open, bars, Rules(), share=1.0)
    assert own.metrics["trades"] > 3


def test_a_taken_name_is_refused():
    with pytest.raises(BadParameters, match="'sma_cross' already exists"):
        register(get_strategy("sma_cross"))


@pytest.mark.parametrize("every", [1, 7])
def test_the_volatility_target_is_the_ratio_of_target_to_realised_volatility(every):
    close = synthetic.walk(150, volatility=0.02)
    grid = Grid(get_strategy("volatility_target"), ["TEST"], {"window": [20], "target": [0.1], "every": [every]})
    again = replay(grid, synthetic.prices(close), 0, Rules(fees=0.001))
    targets = signals.volatility_targets(close.tolist(), 20, 0.1, every, periods=252)
    assert again.equity == pytest.approx(trading.rebalance(close.tolist(), targets, fees=0.001), rel=1e-9)
    assert 0 < again.exposure.max() < 1


@pytest.mark.parametrize("profit", [0.0, 0.0001, 0.05])  # the second is less than the fees
@pytest.mark.parametrize("world", synthetic.HARD)
def test_periodic_dca_is_what_the_slow_twin_says(world, profit):
    close = synthetic.HARD[world]
    bars = synthetic.prices(close, opens=synthetic.gappy(close))
    axes = {"every": [1, 10], "instalments": [1, 3, 12], "profit_requirement": [profit]}
    grid = Grid(get_strategy("periodic_dca"), ["TEST"], axes)
    metrics = run_slice(grid, bars, 0, grid.size, Rules(fees=0.002, slippage=0.001)).metrics
    for index in range(grid.size):
        parameters = grid.decode(index).parameters.values()
        outcome = trading.periodic_dca(close.tolist(), bars.fill.tolist(), *parameters, fees=0.002, slippage=0.001)
        expected = measure(outcome, bars.dates.astype(int).tolist(), periods=252)
        got = dict(zip(METRIC_NAMES, metrics[:, index].tolist(), strict=True))
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), parameters


def test_a_strategy_of_the_users_own_that_always_fails_does_not_stop_the_warming():
    def broken(close, nothing):
        raise RuntimeError("not today")

    before = dict(_catalog)
    strategy = from_function(broken, name="broken", title="Broken", parameters=(number("nothing"),))
    try:
        register(strategy)
        warm_up(strategies=("broken", "sma_cross"))
        assert (is_warm("broken"), is_warm("sma_cross")) == (False, True)
    finally:
        _catalog.clear()
        _catalog.update(before)


def test_a_strategy_whose_defaults_break_its_own_constraint_is_not_registered():
    parameters = (number("fast", 9), number("slow", 3))
    strategy = from_function(
        lambda close, fast, slow: close, name="own", title="Own", parameters=parameters,
        constraints=(below("fast", "slow"),),
    )  # fmt: skip
    with pytest.raises(BadGrid, match="fast < slow"):
        register(strategy)
