import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.engine import (
    METRIC_NAMES,
    STRATEGIES,
    BadGrid,
    BadParameters,
    EngineError,
    Grid,
    Prices,
    Rules,
    UnknownStrategy,
    get_strategy,
    replay,
    run_slice,
)
from tests.engine import synthetic

from .reference.metrics import longest_drawdown

WITH_LONG = st.sampled_from(["long", "both"])
SMALL_AXES: dict[str, dict[str, list[float]]] = {
    "macd": {"fast": [2, 3], "slow": [5, 9], "signal": [2, 4, 7]},
    "donchian_breakout": {"exit_window": [1, 3, 6], "entry_window": [7, 12, 30]},
    "bollinger_reversal": {"window": [4, 9, 20], "width": [0.5, 1.0, 1.5], "stop_loss": [0.0, 0.05]},
    "sma_cross": {"fast": [2, 3, 5, 8], "slow": [4, 9, 20, 33]},
    "grid_dca": {"grid_interval": [0.01, 0.03, 0.1], "trailing_stop": [0.0, 0.02], "max_lots": [2, 7]},
}


def metric(metrics, name):
    return metrics[METRIC_NAMES.index(name)]


@pytest.mark.parametrize("name", SMALL_AXES)
@settings(max_examples=25, deadline=None)
@given(cuts=st.sets(st.integers(1, 11), max_size=5), seed=st.integers(0, 99), direction=WITH_LONG)
def test_slices_of_a_grid_add_up_to_the_grid_to_the_bit(name, cuts, seed, direction):
    bars = synthetic.prices(synthetic.walk(130, seed=seed))
    grid = Grid(get_strategy(name), ["TEST"], SMALL_AXES[name])
    rules = Rules(direction=direction, fees=0.002)
    whole = run_slice(grid, bars, 0, grid.size, rules).metrics
    edges = [0, *sorted(cut for cut in cuts if cut < grid.size), grid.size]
    pieces = [run_slice(grid, bars, a, b, rules).metrics for a, b in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole, equal_nan=True)
    assert whole.flags.c_contiguous


@pytest.mark.parametrize("name", SMALL_AXES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), power=st.integers(-6, 6), direction=st.sampled_from(["long", "short", "both"]))
def test_scaling_all_prices_changes_no_return(name, seed, power, direction):
    close = synthetic.walk(150, seed=seed)
    grid = Grid(get_strategy(name), ["TEST"], SMALL_AXES[name])
    rules = Rules(direction=direction, fees=0.001)
    own = run_slice(grid, synthetic.prices(close), 0, grid.size, rules).metrics
    scaled = run_slice(grid, synthetic.prices(close * 10.0**power), 0, grid.size, rules).metrics
    assert scaled == pytest.approx(own, rel=1e-7, abs=1e-9, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), fees=st.floats(0.0001, 0.05), slippage=st.floats(0, 0.02))
def test_costs_never_raise_the_equity_of_a_signal_strategy(seed, fees, slippage):
    bars = synthetic.prices(synthetic.walk(150, seed=seed))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], SMALL_AXES["sma_cross"])
    free = metric(run_slice(grid, bars, 0, grid.size, Rules()).metrics, "final_equity")
    paid = metric(run_slice(grid, bars, 0, grid.size, Rules(fees=fees, slippage=slippage)).metrics, "final_equity")
    assert (paid <= free).all()


def test_a_window_longer_than_the_prices_fails_those_tests_and_no_others():
    bars = synthetic.prices(synthetic.walk(30))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2, 5], "slow": [20, 28, 29, 200]})
    result = run_slice(grid, bars, 0, grid.size, Rules())
    assert {message: at.tolist() for message, at in result.errors.items()} == {
        "slow of 29 bars needs at least 31 bars; TEST has 30.": [2, 6],
        "slow of 200 bars needs at least 202 bars; TEST has 30.": [3, 7],
    }
    assert np.isnan(result.metrics[:, [2, 3, 6, 7]]).all()
    assert not np.isnan(metric(result.metrics, "final_equity")[[0, 1, 4, 5]]).any()
    part = run_slice(grid, bars, 2, 8, Rules())
    assert sorted(at.tolist() for at in part.errors.values()) == [[0, 4], [1, 5]]
    with pytest.raises(EngineError, match="slow of 200 bars"):
        replay(grid, bars, 3, Rules())


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("n_bars", [1, 2, 3])
def test_a_handful_of_bars_is_an_answer_not_a_crash(name, n_bars):
    grid = Grid(get_strategy(name), ["TEST"], {})
    bars = synthetic.prices(synthetic.walk(n_bars))
    result = run_slice(grid, bars, 0, grid.size, Rules(direction=grid.strategy.directions[0]))
    assert result.metrics.shape == (len(METRIC_NAMES), 1)
    if n_bars == 1:
        assert len(result.errors) == 1
        assert np.isnan(result.metrics).all()


def test_beta_scaling_multiplies_percentages_only():
    bars = synthetic.prices(synthetic.walk(300))
    scaled = Grid(get_strategy("grid_dca"), ["TEST"], {"grid_interval": [0.02], "trailing_stop": [0.03]}, [0.5, 2.0])
    again = replay(scaled, bars, 1, Rules(), beta=1.5)
    assert again.effective_parameters == pytest.approx(
        {"grid_interval": 0.06, "profit_requirement": 0.3, "trailing_stop": 0.09, "max_lots": 10}
    )
    plain = Grid(
        get_strategy("grid_dca"), ["TEST"],
        {"grid_interval": [0.02 * 3.0], "profit_requirement": [0.1 * 3.0], "trailing_stop": [0.03 * 3.0]},
    )  # fmt: skip
    assert again.metrics == pytest.approx(replay(plain, bars, 0, Rules()).metrics, rel=0, abs=0, nan_ok=True)


def test_a_combination_that_fails_for_two_reasons_is_counted_once():
    axes = {"grid_interval": [0.1, 0.5], "profit_requirement": [0.1, 0.5], "trailing_stop": [0.05, 0.5]}
    grid = Grid(get_strategy("grid_dca"), ["TEST"], axes, [1.0, 40.0])
    result = run_slice(grid, synthetic.prices(synthetic.walk(50)), 0, grid.size, Rules(), beta=1.9)
    offsets = np.concatenate(list(result.errors.values()))
    assert len(result.errors) > 1
    assert len(offsets) == len(np.unique(offsets))
    assert set(offsets) == set(np.flatnonzero(np.isnan(result.metrics).all(axis=0)))


@pytest.mark.parametrize("beta", [float("nan"), 0.0, -0.4])
def test_a_beta_that_cannot_scale_fails_the_symbol_in_words(beta):
    grid = Grid(get_strategy("grid_dca"), ["TEST"], {}, [1.0, 2.0])
    result = run_slice(grid, synthetic.prices(synthetic.walk(50)), 0, 2, Rules(), beta=beta)
    ((message, at),) = result.errors.items()
    assert message.startswith("The beta of TEST must be")
    assert at.tolist() == [0, 1]


def test_a_percentage_scaled_out_of_bounds_fails_in_words():
    grid = Grid(get_strategy("grid_dca"), ["TEST"], {"grid_interval": [0.1, 0.5]}, [1.0, 2.0])
    result = run_slice(grid, synthetic.prices(synthetic.walk(50)), 0, 4, Rules(), beta=1.0)
    assert {message: at.tolist() for message, at in result.errors.items()} == {
        "grid_interval scaled by beta and coefficient goes above 0.9 for TEST (beta 1).": [3]
    }


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 4), (-1, 3), (0, 10**9)])
def test_a_slice_outside_the_grid_is_refused(start, stop):
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {})
    with pytest.raises(BadGrid):
        run_slice(grid, synthetic.prices(synthetic.walk(300)), start, stop, Rules())


def test_a_slice_needs_the_prices_of_its_own_single_symbol():
    grid = Grid(get_strategy("sma_cross"), ["TEST", "NEXT"], {"fast": [2, 3]})
    bars = synthetic.prices(synthetic.walk(300))
    with pytest.raises(BadGrid, match="more than one symbol"):
        run_slice(grid, bars, 1, 3, Rules())
    with pytest.raises(BadGrid, match="slice belongs to NEXT"):
        run_slice(grid, bars, 2, 4, Rules())


def test_an_unknown_strategy_is_refused_with_the_near_name():
    with pytest.raises(UnknownStrategy, match=r"Unknown strategy 'sma_corss'\. Did you mean 'sma_cross'") as caught:
        get_strategy("sma_corss")
    assert caught.value.field == "strategy"


def test_a_direction_that_a_strategy_does_not_trade_is_refused():
    import dataclasses

    only_long = dataclasses.replace(get_strategy("sma_cross"), directions=("long",))
    grid = Grid(only_long, ["TEST"], {})
    with pytest.raises(BadParameters, match="cannot trade 'short'") as caught:
        run_slice(grid, synthetic.prices(synthetic.walk(300)), 0, 1, Rules(direction="short"))
    assert caught.value.field == "direction"


def test_the_longest_drawdown_is_counted_in_days_from_the_peak_to_the_recovery_or_to_the_end():
    days = np.datetime64("2020-01-01") + np.array([0, 1, 2, 12, 13, 14, 44, 45])
    close = [10.0, 10.0, 12.0, 11.0, 12.0, 13.0, 14.0, 13.0]

    def longest(n):
        grid = Grid(get_strategy("periodic_dca"), ["TEST"], {"every": [1], "instalments": [1]})
        return replay(grid, Prices("TEST", days[:n], close[:n]), 0, Rules()).metrics["max_drawdown_duration"]

    assert longest(3) == 0
    assert longest(4) == 10  # still below at the end
    assert longest(5) == 11  # met again
    assert longest(7) == 11  # a month without bars between two peaks is no drawdown
    assert longest(8) == 11


@pytest.mark.parametrize("name", ["momentum", "sma_cross"])
@pytest.mark.parametrize(("direction", "whole"), [("long", False), ("long", True), ("both", False)])
@pytest.mark.parametrize(("drift", "seed"), [(0.0004, 7), (0.0025, 8)])
def test_the_longest_drawdown_of_trades_is_that_of_their_equity(name, direction, whole, drift, seed):
    """Years with peaks in the middle of positions, between them and at their ends."""
    rng = np.random.default_rng(seed)
    n_bars = 1_200
    close = np.round(50.0 * np.exp(np.cumsum(rng.normal(drift, 0.02, n_bars))), 2)
    days = np.datetime64("2000-01-03") + np.cumsum(rng.choice([1, 1, 1, 1, 3, 4], n_bars))
    prices = Prices("TEST", days, close)
    axes = {
        "momentum": {"skip": [0, 7, 20], "lookback": [21, 60, 120, 240]},
        "sma_cross": {"fast": [2, 10, 40], "slow": [50, 100, 200]},
    }[name]
    grid = Grid(get_strategy(name), ["TEST"], axes)
    rules = Rules(direction=direction, whole_shares=whole, fees=0.001)
    longest = run_slice(grid, prices, 0, grid.size, rules).metrics[METRIC_NAMES.index("max_drawdown_duration")]
    assert len(set(longest.tolist())) > 2
    for index in range(grid.size):
        equity = replay(grid, prices, index, rules).equity.tolist()
        assert longest[index] == longest_drawdown(equity, days.astype(int).tolist()), index
