"""The catalog of strategies."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from backtester.engine.errors import BadParameters, UnknownStrategy, did_you_mean, error_text, foreign_text
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
from backtester.engine.strategy import Constraint, Parameter, Strategy

LONGEST_NAME = 64  # of a strategy or a parameter, in characters
Declaration = TypeVar("Declaration", Strategy, Parameter, Constraint)
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

    Raises BadParameters for a name that is unusable or in use, for a parameter named like a column of the results, and
    when `bars_needed` fails on the defaults; BadGrid when the defaults break a constraint.
    """
    strategy = _with_plain_texts(strategy)
    for name in (strategy.name, *(parameter.name for parameter in strategy.all_parameters)):
        if not isinstance(name, str) or not name or name != foreign_text(name, LONGEST_NAME):
            message = f"A name must be 1 to {LONGEST_NAME} printable characters, got '{foreign_text(name, 80)}'."
            raise BadParameters(message, field="strategy")
    if strategy.name in _catalog:
        raise BadParameters(f"Strategy '{strategy.name}' already exists.", field="strategy")
    for name in sorted(RESULT_COLUMNS.intersection(parameter.name for parameter in strategy.all_parameters)):
        message = f"{strategy.name} must not have a parameter '{name}': results have a column of that name."
        raise BadParameters(message, field=name)
    defaults = Grid(strategy, ["-"], {}).decode_many(np.zeros(1, dtype=np.int64)).parameters
    try:
        int(strategy.bars_needed(defaults)[0])
    except Exception as error:
        message = f"bars_needed of {strategy.name} failed on the defaults: {error_text(error)}"
        raise BadParameters(message, field=strategy.name) from error
    _catalog[strategy.name] = strategy
    return strategy


def _with_plain_texts(strategy: Strategy) -> Strategy:
    """Return the strategy with texts that fit every page and client; the same one if they do already."""
    parameters = tuple(_cleaned(parameter, ("unit", "label", "help")) for parameter in strategy.parameters)
    optional = tuple(_cleaned(parameter, ("unit", "label", "help")) for parameter in strategy.optional)
    constraints = tuple(_cleaned(constraint, ("text",)) for constraint in strategy.constraints)
    if (parameters, optional, constraints) != (strategy.parameters, strategy.optional, strategy.constraints):
        strategy = replace(strategy, parameters=parameters, optional=optional, constraints=constraints)
    return _cleaned(strategy, ("title", "description", "source"))


def _cleaned(declaration: Declaration, names: tuple[str, ...]) -> Declaration:
    texts: dict[str, Any] = {name: foreign_text(getattr(declaration, name)) for name in names}
    is_clean = all(getattr(declaration, name) == text for name, text in texts.items())
    return declaration if is_clean else replace(declaration, **texts)


def substitute(strategy: Strategy) -> None:
    """Put a changed declaration in the place of the registered one of that name."""
    _catalog[strategy.name] = strategy


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise UnknownStrategy(f"Unknown strategy '{name}'. {did_you_mean(name, STRATEGIES)}", field="strategy")
    return STRATEGIES[name]


def is_built_in(name: str) -> bool:
    return any(strategy.name == name for strategy in BUILT_IN)
