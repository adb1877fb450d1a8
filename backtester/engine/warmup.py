"""Compile the kernels ahead, so that the first test of a process does not wait for the compiler."""

from collections.abc import Callable

import numpy as np

from backtester.engine.grid.grid import Grid
from backtester.engine.metrics.buy_and_hold import buy_and_hold, estimate_beta
from backtester.engine.prices import Prices
from backtester.engine.replay import replay
from backtester.engine.rules import Rules
from backtester.engine.run import run_slice
from backtester.engine.strategies import BUILT_IN, STRATEGIES, get_strategy
from backtester.engine.strategy import ALL_DIRECTIONS

_warm: set[str] = set()


def warm_up(progress: Callable[[str], None] | None = None, strategies: tuple[str, ...] | None = None) -> None:
    """Run every strategy once on a few bars, which compiles its kernels or loads them from the cache."""
    for name in strategies or tuple(STRATEGIES):
        if progress is not None:
            progress(name)
        try:
            _exercise(name)
        except Exception:  # a user's own code may raise anything; its tests will report it
            if get_strategy(name) in BUILT_IN:
                raise


def is_warm(strategy_name: str) -> bool:
    """Return whether this process has run the strategy, so that nothing is left to compile."""
    return get_strategy(strategy_name).name in _warm


def _exercise(name: str) -> None:
    strategy = get_strategy(name)
    n_bars = 400
    close = 100.0 + 10.0 * np.sin(np.arange(n_bars) / 9.0)
    prices = Prices("WARM", np.datetime64("2000-01-01") + np.arange(n_bars), close)
    grid = Grid(strategy, ["WARM"], {})
    for direction in ALL_DIRECTIONS:
        if direction in strategy.directions:
            run_slice(grid, prices, 0, 1, Rules(direction=direction))
    replay(grid, prices, 0, Rules(direction=strategy.directions[0]))
    buy_and_hold(prices, Rules())
    estimate_beta(prices.close, prices.close)
    _warm.add(name)
