"""Every kernel against its slow twin, on hard prices, in every direction, with and without opens."""

import itertools

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES, Grid, Rules, get_strategy, replay, run_slice
from tests.engine import synthetic

from .reference import signals, trading
from .reference.metrics import measure

DIRECTIONS = ("long", "short", "both")
COSTS = ({"fees": 0.0, "slippage": 0.0}, {"fees": 0.004, "slippage": 0.002})
CASES = list(itertools.product(synthetic.HARD, (False, True), DIRECTIONS, COSTS))
IDS = [f"{w}-{'open' if o else 'close'}-{d}-{c['fees']}" for w, o, d, c in CASES]


def expect(result, expected, case):
    for name, value in expected.items():
        got = result[name]
        assert got == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (case, name, got, value)


def twin_input(world, with_opens):
    close = synthetic.HARD[world]
    opens = synthetic.gappy(close) if with_opens else None
    bars = synthetic.prices(close, opens=opens)
    return bars, close.tolist(), bars.fill.tolist(), bars.dates.astype(int).tolist()


@pytest.mark.parametrize(("world", "with_opens", "direction", "costs"), CASES, ids=IDS)
def test_sma_cross_is_what_the_slow_twin_says(world, with_opens, direction, costs):
    bars, close, fill, days = twin_input(world, with_opens)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [1, 2, 5], "slow": [3, 5, 20, 61]})
    metrics = run_slice(grid, bars, 0, grid.size, Rules(direction=direction, **costs)).metrics
    for index in range(grid.size):
        parameters = grid.decode(index).parameters
        wishes = signals.sma_cross_wishes(close, parameters["fast"], parameters["slow"])
        expected = measure(trading.follow(close, fill, wishes, direction=direction, **costs), days, periods=252)
        expect(dict(zip(METRIC_NAMES, metrics[:, index], strict=True)), expected, parameters)


@pytest.mark.parametrize(("world", "with_opens", "direction", "costs"), CASES, ids=IDS)
def test_grid_dca_is_what_the_slow_twin_says(world, with_opens, direction, costs):
    bars, close, fill, days = twin_input(world, with_opens)
    axes = {
        "grid_interval": [0.01, 0.1], "profit_requirement": [0.0, 0.07], "trailing_stop": [0.0, 0.03],
        "max_lots": [1, 3, 10],
    }  # fmt: skip
    grid = Grid(get_strategy("grid_dca"), ["TEST"], axes)
    metrics = run_slice(grid, bars, 0, grid.size, Rules(direction=direction, **costs)).metrics
    for index in range(grid.size):
        parameters = grid.decode(index).parameters
        outcome = trading.grid_dca(close, fill, *parameters.values(), direction=direction, **costs)
        expect(
            dict(zip(METRIC_NAMES, metrics[:, index], strict=True)),
            measure(outcome, days, periods=252),
            parameters,
        )


@pytest.mark.parametrize("name", ["sma_cross", "grid_dca"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_replay_shows_the_metrics_of_the_sweep_to_the_bit(name, direction):
    bars = synthetic.prices(synthetic.walk(400))
    axes = {"fast": [3, 10], "slow": [20, 50]} if name == "sma_cross" else {"grid_interval": [0.02, 0.05]}
    grid = Grid(get_strategy(name), ["TEST"], axes)
    rules = Rules(direction=direction, fees=0.001)
    metrics = run_slice(grid, bars, 0, grid.size, rules).metrics
    for index in range(grid.size):
        again = replay(grid, bars, index, rules)
        assert np.array_equal(list(again.metrics.values()), metrics[:, index], equal_nan=True)
        assert again.equity[-1] == pytest.approx(again.metrics["final_equity"], rel=1e-11)
        assert again.drawdown.min() == pytest.approx(again.metrics["max_drawdown"], abs=1e-11)
        closed = [trade for trade in again.trades if trade.exit_date is not None]
        assert len(closed) == again.metrics["trades"]


def test_a_worked_example_by_hand():
    # Fast 1, slow 2. At bar 2: 12 > 11, so bought at bar 3 for 11. At bar 3: 11 < 11.5, so sold at bar 4 for 8.
    bars = synthetic.prices([10, 10, 12, 11, 8, 8])
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [1], "slow": [2]})
    again = replay(grid, bars, 0, Rules(fees=0.01, initial_capital=1111.0))
    (trade,) = again.trades
    assert (trade.entry_price, trade.exit_price, trade.shares) == pytest.approx((11.0, 8.0, 100.0))
    assert trade.pnl == pytest.approx(800 * 0.99 - 1111)
    assert again.equity == pytest.approx([1111, 1111, 1111, 1100, 792, 792])
    assert trade.return_ == pytest.approx(792 / 1111 - 1)
    assert again.metrics["exposure"] == pytest.approx(2 / 6)
