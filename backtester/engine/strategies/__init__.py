"""The catalogue of strategies."""

from collections.abc import Mapping
from types import MappingProxyType

from backtester.engine.declaration import Strategy
from backtester.engine.errors import UnknownStrategy, did_you_mean
from backtester.engine.strategies.grid_dca import GRID_DCA
from backtester.engine.strategies.sma_cross import SMA_CROSS

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({each.name: each for each in (SMA_CROSS, GRID_DCA)})


def get_strategy(name: str) -> Strategy:
    if name not in STRATEGIES:
        raise UnknownStrategy(f'There is no strategy "{name}". {did_you_mean(name, STRATEGIES)}', field="strategy")
    return STRATEGIES[name]
