"""The catalog of strategies."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from backtester.engine.errors import BadParameters, UnknownStrategy, did_you_mean
from backtester.engine.grid.grid import Grid
from backtester.engine.metrics.metrics import METRIC_NAMES
from backtester.engine.strategies.bollinger import BOLLINGER_BREAKOUT, BOLLINGER_REVERSAL
from backtester.engine.strategies.donchian import DONCHIAN_BREAKOUT
from backtester.engine.strategies.ema_cross import EMA_CROSS
from backtester.engine.strategies.grid_dca import GRID_DCA
from backtester.engine.strategies.macd import MACD
from backtester.engine.strategies.momentum import MOMENTUM
from backtester.engine.strategies.periodic_dca import PERIODIC_DCA
from backtester.engine.strategies.rsi_reversal import RSI_REVERSAL
from backtester.engine.strategies.sma_cross import SMA_CROSS
from backtester.engine.strategies.volatility_target import VOLATILITY_TARGET
from backtester.engine.strategy import Strategy

BUILT_IN = (
    SMA_CROSS,
    GRID_DCA,
    EMA_CROSS,
    MACD,
    RSI_REVERSAL,
    BOLLINGER_REVERSAL,
    BOLLINGER_BREAKOUT,
    DONCHIAN_BREAKOUT,
    MOMENTUM,
    PERIODIC_DCA,
    VOLATILITY_TARGET,
)
RESULT_COLUMNS = {"index", "symbol", "beta", "coefficient", "error", "parameters", *METRIC_NAMES}
_catalog = {strategy.name: strategy for strategy in BUILT_IN}
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(_catalog)


def register(strategy: Strategy) -> Strategy:
    """Add a user's own strategy; every process that runs it must do so.

    Raises BadParameters for a name in use, for a parameter named like a column of the results, and when `bars_needed`
    fails on the defaults; BadGrid when the defaults break a constraint.
    """
    if strategy.name in _catalog:
        raise BadParameters(f"Strategy '{strategy.name}' already exists.", field="strategy")
    for name in sorted(RESULT_COLUMNS.intersection(parameter.name for parameter in strategy.all_parameters)):
        message = f"{strategy.name} must not have a parameter '{name}': results have a column of that name."
        raise BadParameters(message, field=name)
    defaults = Grid(strategy, ["-"], {}).decode_many(np.zeros(1, dtype=np.int64)).parameters
    try:
        int(strategy.bars_needed(defaults)[0])
    except Exception as error:
        message = f"bars_needed of {strategy.name} failed on the defaults: {type(error).__name__}: {error}"
        raise BadParameters(message, field=strategy.name) from error
    _catalog[strategy.name] = strategy
    return strategy


def set_version(name: str, version: str) -> None:
    """Set the version of a user's own strategy, which changes with its code."""
    _catalog[name] = replace(_catalog[name], version=version)


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise UnknownStrategy(f"Unknown strategy '{name}'. {did_you_mean(name, STRATEGIES)}", field="strategy")
    return STRATEGIES[name]
