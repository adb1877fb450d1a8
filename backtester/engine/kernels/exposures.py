"""Target exposures of a block of combinations."""

from collections.abc import Mapping

import numpy as np

from backtester.engine.arrays import Floats, Values
from backtester.engine.errors import error_text, foreign_text
from backtester.engine.kernels.plain_exposure import TOO_LARGE, kind_of_targets_nb
from backtester.engine.prices import Prices
from backtester.engine.strategy import Strategy

ROWS = 64  # combinations at a time, 4 MB of targets for 8,000 bars


def targets_of(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], first: int, last: int
) -> tuple[Floats, dict[int, str]]:
    """Return targets float64[last - first, n_bars] of combinations [first, last), and offset -> message of failures.

    A failed combination has targets 0. The function is user code: any exception fails that combination only.
    """
    assert strategy.target is not None  # only exposure strategies come here
    targets = np.zeros((last - first, prices.n_bars))
    failures: dict[int, str] = {}
    columns = {name: values[first:last].tolist() for name, values in parameters.items()}
    for row in range(last - first):
        try:
            exposures = strategy.target(prices, {name: values[row] for name, values in columns.items()})
            failures |= _check(strategy, prices, first + row, exposures)
        except Exception as error:  # noqa: BLE001
            failures[first + row] = foreign_text(f"{strategy.name} failed: {error_text(error)}")
        if first + row not in failures:
            targets[row] = exposures
    return targets, failures


def _check(strategy: Strategy, prices: Prices, offset: int, exposures: Floats) -> dict[int, str]:
    if exposures.shape != (prices.n_bars,):
        message = f"{strategy.name} must return {prices.n_bars} exposures for {prices.symbol}, got {exposures.size}."
        return {offset: message}
    if kind_of_targets_nb(exposures) == TOO_LARGE:
        return {offset: f"Exposures of {strategy.name} must be between -1 and 1 (all of the equity)."}
    return {}
