"""Compile the kernels ahead, so that the first test of a process does not wait for the compiler."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from backtester.engine.grid.grid import Grid
from backtester.engine.metrics.buy_and_hold import buy_and_hold, estimate_beta
from backtester.engine.price_lines import price_lines
from backtester.engine.prices import Prices
from backtester.engine.replay import replay
from backtester.engine.rules import Rules
from backtester.engine.run import run_slice
from backtester.engine.statistics.bootstrap import draw_weights, influence, raise_maxima_nb
from backtester.engine.statistics.overfitting import Winners, choose_splits, count_below_nb, find_winners_nb
from backtester.engine.statistics.partitions import best_in_nb
from backtester.engine.strategies import STRATEGIES, get_strategy, is_built_in
from backtester.engine.strategy import ALL_DIRECTIONS

_warm: set[str] = set()


def warm_up(progress: Callable[[str], None] | None = None, strategies: tuple[str, ...] | None = None) -> None:
    """Run strategies once on a few bars, which compiles their kernels or loads them from the cache.

    strategies : by default the built-in ones; those of users may loop
    """
    for name in strategies or tuple(filter(is_built_in, STRATEGIES)):
        if progress is not None:
            progress(name)
        try:
            _exercise(name)
        except Exception:  # a user's own code may raise anything; its tests will report it
            if is_built_in(name):
                raise
    _exercise_statistics()


def compile_kernels(progress: Callable[[str], None] | None = None) -> None:
    """Compile all kernels into the cache, in two processes: that of signals takes as long as all others together."""
    built_in = tuple(filter(is_built_in, STRATEGIES))
    signals = [name for name in built_in if STRATEGIES[name].decide is not None]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        others = pool.submit(warm_up, strategies=tuple(name for name in built_in if name not in signals))
        for name in signals:
            if progress is not None:
                progress(name)
            _exercise(name)
        others.exception()  # to wait: what it could not compile is compiled now
    warm_up()


def is_warm(strategy_name: str) -> bool:
    """Return whether this process has run the strategy, so that nothing is left to compile."""
    return get_strategy(strategy_name).name in _warm


def mark_warm(strategy_name: str) -> None:
    """Note that this process has run the strategy."""
    _warm.add(strategy_name)


def _exercise(name: str) -> None:
    strategy = get_strategy(name)
    n_bars = 400
    close = 100.0 + 10.0 * np.sin(np.arange(n_bars) / 9.0)
    prices = Prices("WARM", np.datetime64("2000-01-01") + np.arange(n_bars), close)
    grid = Grid(strategy, ["WARM"], {})
    for direction in ALL_DIRECTIONS:
        if direction in strategy.directions:
            run_slice(grid, prices, 0, 1, Rules(direction=direction))
    replayed = replay(grid, prices, 0, Rules(direction=strategy.directions[0]))
    price_lines(strategy, prices, replayed.effective_parameters, Rules())
    buy_and_hold(prices, Rules())
    estimate_beta(prices.close, prices.close)
    _warm.add(name)


def _exercise_statistics() -> None:
    """Run the kernels of the verdict on a few rows."""
    sums = np.random.RandomState(1).standard_normal((2, 4))
    counts, squares, included = np.full(4, 9.0), sums**2 + 1.0, np.ones(2, dtype=np.bool_)
    splits = choose_splits(4, 6, 1)
    best = Winners.none(len(splits))
    parts: Any = (best.sharpe, best.index, best.outside, best.gain)
    find_winners_nb(counts, sums, squares, 1.0, included, 0, splits, *parts)
    below, equal = np.zeros_like(best.index), np.zeros_like(best.index)
    count_below_nb(counts, sums, squares, 1.0, included, splits, best.outside, below, equal)
    holding = np.zeros(8), np.ones(2), np.zeros(8)
    raise_maxima_nb(influence(counts, sums, squares), draw_weights(4, 8, 1), 1.0, np.zeros(8), *holding)
    best_in_nb(1.0, 9.0, sums[0], sums[1], squares[0], squares[1], np.ones(4, dtype=np.bool_))
