"""The catalogue of strategies."""

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
TAKEN = {"index", "symbol", "beta", "coefficient", "error", "parameters", *METRIC_NAMES}  # columns of every result
_catalogue = {each.name: each for each in BUILT_IN}
STRATEGIES: Mapping[str, Strategy] = MappingProxyType(_catalogue)


def register(strategy: Strategy) -> Strategy:
    """Add a strategy of the user's own; every process that runs it must do so. A taken name is refused.

    The defaults must make a test: BadGrid when they break a constraint, BadParameters when `bars_needed` fails on them.
    A parameter that is called like another column of the results is refused, too.
    """
    if strategy.name in _catalogue:
        raise BadParameters(f'There is already a strategy "{strategy.name}".', field="strategy")
    for taken in sorted(TAKEN.intersection(each.name for each in strategy.all_parameters)):
        message = f'{strategy.name} has a parameter "{taken}"; every result has a column of that name already.'
        raise BadParameters(message, field=taken)
    defaults = Grid(strategy, ["-"], {}).decode_many(np.zeros(1, dtype=np.int64)).parameters
    try:
        int(strategy.bars_needed(defaults)[0])
    except Exception as error:
        message = f"bars_needed of {strategy.name} failed on the defaults: {type(error).__name__}: {error}"
        raise BadParameters(message, field=strategy.name) from error
    _catalogue[strategy.name] = strategy
    return strategy


def set_version(name: str, version: str) -> None:
    """Tell a strategy of the user's own apart from other states of its code."""
    _catalogue[name] = replace(_catalogue[name], version=version)


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise UnknownStrategy(f'There is no strategy "{name}". {did_you_mean(name, STRATEGIES)}', field="strategy")
    return STRATEGIES[name]
