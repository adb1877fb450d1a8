"""Blocks of combinations of a strategy that names target exposures."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backtester.engine.kernels.plain_exposure import TOO_LARGE, kind_of_targets_nb
from backtester.engine.prices import Floats, Prices
from backtester.engine.strategy import Strategy, Values

ROWS = 64  # combinations at a time, 4 MB of targets for 8,000 bars


def targets_of(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], first: int, last: int
) -> tuple[Floats, dict[int, str]]:
    """Targets float64[last - first, n_bars] of the combinations [first, last); offset -> message of those that failed.

    A failed one has targets 0. The function is somebody else's, so whatever it raises is an answer about one test.
    """
    assert strategy.target is not None  # only exposure strategies come here
    targets = np.zeros((last - first, prices.n_bars))
    failures: dict[int, str] = {}
    columns = {name: values[first:last].tolist() for name, values in parameters.items()}
    for row in range(last - first):
        try:
            found = strategy.target(prices, {name: values[row] for name, values in columns.items()})
            failures |= _checked(strategy, prices, first + row, found)
        except Exception as error:  # noqa: BLE001
            failures[first + row] = f"{strategy.name} failed: {type(error).__name__}: {error}"
        if first + row not in failures:
            targets[row] = found
    return targets, failures


def _checked(strategy: Strategy, prices: Prices, offset: int, found: NDArray[np.float64]) -> dict[int, str]:
    if found.shape != (prices.n_bars,):
        return {offset: f"{strategy.name} gave {found.size} exposures for {prices.n_bars} bars of {prices.symbol}."}
    if kind_of_targets_nb(found) == TOO_LARGE:
        return {offset: f"{strategy.name} wants an exposure of more than 1 (all of the equity)."}
    return {}
