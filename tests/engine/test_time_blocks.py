"""Sums over blocks of bars against plain sums over the curve of a replay, and shuffled prices."""

import itertools
import math

import numpy as np
import pytest

from backtester.engine import (
    BadParameters,
    Grid,
    Parameter,
    Prices,
    Rules,
    block_sums,
    from_function,
    get_strategy,
    replay,
    run_slice,
    shuffled,
)
from backtester.engine.metrics.metrics import METRIC_NAMES
from backtester.engine.time_blocks import return_sums
from tests.engine import synthetic


def own_fractions():
    number = Parameter("step", "int", 5, 1, 50, "bars", "", "", {"start": 1, "stop": 2, "step": 1})
    return from_function(
        lambda close, step: np.where(np.arange(len(close)) // step % 2, 0.5, -0.25),
        name="own",
        title="",
        parameters=(number,),
    )


GRIDS = {
    "sma_cross": {"fast": [2, 5], "slow": [9, 30]},
    "rsi_reversal": {"period": [3, 9], "stop_loss": [0.0, 0.03]},
    "grid_dca": {"grid_interval": [0.02, 0.05], "max_lots": [1, 5]},
    "periodic_dca": {"every": [3, 20], "profit_requirement": [0.0, 0.05]},
    "volatility_target": {"window": [20], "every": [5, 21]},
    "own": {"step": [3, 8]},
}
CASES = [(name, side) for name in GRIDS for side in ("long", "short", "both")]
EDGES = (0, 1, 64, 70, 300, 611)


def grid_of(name):
    return Grid(own_fractions() if name == "own" else get_strategy(name), ["TEST"], GRIDS[name])


def plain_sums(equity, value, first, last):
    """One block by the definitions: bars first .. last - 1, from the equity before it."""
    curve = equity[max(first - 1, 0) : last]
    returns = [b / a - 1 if a > 0 else 0.0 for a, b in itertools.pairwise(curve)]
    start = curve[0]
    alive = start > 0
    return {
        "bars": len(returns),
        "returns": math.fsum(returns),
        "squares": math.fsum(r * r for r in returns),
        "downside": math.fsum(min(r, 0) ** 2 for r in returns),
        "log_growth": (math.log(curve[-1] / start) if curve[-1] > 0 else -math.inf) if alive else 0.0,
        "peak": max(curve) / start if alive else 1.0,
        "trough": min(curve) / start if alive else 1.0,
        "deepest_fall": min(curve[t] / max(curve[: t + 1]) - 1 for t in range(len(curve))) if alive else 0.0,
    }


@pytest.mark.parametrize(("name", "direction"), CASES)
@pytest.mark.parametrize("world", ["a walk", "a wild walk"])
def test_block_sums_are_plain_sums_over_the_curve(name, direction, world):
    grid = grid_of(name)
    if direction not in grid.strategy.directions:
        return
    close = np.tile(synthetic.HARD[world], 3)[:700]
    bars = synthetic.prices(close, opens=synthetic.gappy(close))
    rules = Rules(direction=direction, fees=0.002, slippage=0.001)
    sums = block_sums(grid.strategy, bars, grid, 0, grid.size, rules, np.array(EDGES))
    for index in range(grid.size):
        again = replay(grid, bars, index, rules)
        equity = again.equity.tolist()
        for k, (first, last) in enumerate(itertools.pairwise(EDGES)):
            for field, value in plain_sums(equity, again.shares, first, last).items():
                got = getattr(sums, field)[index, k]
                assert got == pytest.approx(value, rel=1e-9, abs=1e-12), (index, k, field)
        carried = [again.exposure[edge - 1] if edge else 0.0 for edge in EDGES]
        assert sums.exposure[index] == pytest.approx(carried, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("direction", ["long", "both"])
def test_block_sums_add_up_to_the_metrics_of_the_sweep(direction):
    bars = synthetic.prices(synthetic.walk(900, seed=4))
    grid = grid_of("sma_cross")
    rules = Rules(direction=direction, fees=0.001)
    metrics = dict(zip(METRIC_NAMES, run_slice(grid, bars, 0, grid.size, rules).metrics, strict=True))
    sums = block_sums(grid.strategy, bars, grid, 0, grid.size, rules, np.array([0, 100, 512, 513, 900]))
    n, total, squares = (getattr(sums, name).sum(axis=1) for name in ("bars", "returns", "squares"))
    deviation = np.sqrt((squares - total * total / n) / (n - 1))
    assert total / n / deviation * math.sqrt(252) == pytest.approx(metrics["sharpe"], rel=1e-11)
    assert np.expm1(sums.log_growth.sum(axis=1)) == pytest.approx(metrics["total_return"], rel=1e-10)
    growth = np.exp(np.cumsum(np.insert(sums.log_growth, 0, 0.0, axis=1), axis=1))[:, :-1]
    highest = np.maximum.accumulate(np.insert(growth * sums.peak, 0, 1.0, axis=1), axis=1)[:, :-1]
    deepest = np.minimum(sums.deepest_fall, growth * sums.trough / highest - 1).min(axis=1)
    assert deepest == pytest.approx(metrics["max_drawdown"], rel=1e-11)


@pytest.mark.parametrize("name", GRIDS)
def test_return_sums_are_those_of_the_block_sums(name):
    grid = grid_of(name)
    close = np.tile(synthetic.HARD["a wild walk"], 3)[:700]
    bars = synthetic.prices(close, opens=synthetic.gappy(close))
    rules, edges = Rules(fees=0.002, slippage=0.001), np.array(EDGES)
    sums = block_sums(grid.strategy, bars, grid, 0, grid.size, rules, edges)
    lean = return_sums(bars, grid, 0, grid.size, rules, edges)
    assert np.allclose(lean.returns[1:].T, np.cumsum(sums.returns, axis=1), rtol=1e-12, atol=1e-14)
    assert np.allclose(lean.squares[1:].T, np.cumsum(sums.squares, axis=1), rtol=1e-12, atol=1e-14)
    assert not lean.returns[0].any()
    assert not lean.squares[0].any()
    with np.errstate(divide="ignore"):
        growth = np.log(lean.equity[1:] / lean.equity[:-1]).T
    alive = lean.equity[:-1].T > 0
    assert growth[alive] == pytest.approx(sums.log_growth[alive], rel=1e-9, abs=1e-13)


def test_a_combination_that_fails_has_no_block_sums():
    bars = synthetic.prices(synthetic.walk(30))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [20, 50]})
    sums = block_sums(grid.strategy, bars, grid, 0, 2, Rules(), np.array([0, 30]))
    lean = return_sums(bars, grid, 0, 2, Rules(), np.array([0, 30]))
    for parts in (lean.returns, lean.squares, lean.equity):
        assert np.isnan(parts).any(axis=0).tolist() == np.isnan(sums.returns).any(axis=1).tolist()
    assert np.isfinite(sums.returns[0]).all()
    assert np.isnan(sums.returns[1]).all()
    assert np.isnan(sums.exposure[1]).all()


@pytest.mark.parametrize("edges", [[0], [3, 3], [5, 2], [-1, 4], [0, 31]])
def test_edges_must_increase_within_the_bars(edges):
    bars = synthetic.prices(synthetic.walk(30))
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [20]})
    with pytest.raises(BadParameters, match="edges must be increasing bar numbers from 0 to 30"):
        block_sums(grid.strategy, bars, grid, 0, 1, Rules(), np.array(edges))


def test_shuffled_prices_keep_every_bar_and_the_end():
    close = synthetic.walk(200)
    opens = synthetic.gappy(close)
    bars = Prices(
        "TEST", synthetic.dates(200), close, opens, np.maximum(close, opens) + 1, np.minimum(close, opens) * 0.9,
        np.arange(200.0),
    )  # fmt: skip
    order = np.concatenate(([0], 1 + np.random.default_rng(1).permutation(199)))
    moved = shuffled(bars, order)
    assert np.array_equal(moved.dates, bars.dates)
    assert moved.close[-1] == pytest.approx(close[-1], rel=1e-12)
    assert moved.volume is not None
    assert moved.open is not None
    for t in (1, 7, 199):
        for name in ("open", "high", "low", "close"):
            old, new = getattr(bars, name), getattr(moved, name)
            assert new[t] / moved.close[t - 1] == pytest.approx(old[order[t]] / close[order[t] - 1], rel=1e-12), name
        assert moved.volume[t] == order[t]
    assert moved.open[0] == pytest.approx(opens[0])
    grid = grid_of("sma_cross")
    sums = block_sums(grid.strategy, bars, grid, 0, grid.size, Rules(), np.array([0, 200]), order=order)
    direct = block_sums(grid.strategy, moved, grid, 0, grid.size, Rules(), np.array([0, 200]))
    assert np.array_equal(sums.returns, direct.returns)


@pytest.mark.parametrize("order", [[0, 1], [1, 0, 2], [0, 1, 1]])
def test_an_order_must_be_a_permutation_that_keeps_the_first_bar(order):
    with pytest.raises(BadParameters, match="order must be a permutation of 0 to 2 that starts with 0"):
        shuffled(synthetic.prices([1.0, 2.0, 3.0]), np.array(order))
