"""The lines of a strategy that lie on the scale of its prices, for charts."""

from collections.abc import Mapping

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.grid.axes import Number
from backtester.engine.kernels.block_tables import BLOCK
from backtester.engine.kernels.indicator_rows import (
    DEVIATIONS,
    EMA,
    HIGHEST,
    LAG,
    LOWEST,
    ROW,
    SMA,
    Market,
    fill_rows_nb,
)
from backtester.engine.kernels.signals import parts_of
from backtester.engine.kernels.tiles import market_of
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.strategy import Decisions, Strategy

LABELS = {
    SMA: "Average of {} bars",
    EMA: "Exponential average of {} bars",
    LAG: "Close {} bars before",
    HIGHEST: "High of {} bars",
    LOWEST: "Low of {} bars",
}


def price_lines(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Number], rules: Rules
) -> dict[str, Floats]:
    """Return label -> float64[n_bars] in the unit of the prices, NaN before the first value.

    Empty for strategies that decide from other numbers than prices, from their own trades, or in a user's code.
    Deviations are shown as the bands at which positions begin.
    """
    if strategy.decide is None:
        return {}
    decisions = strategy.decide({name: np.array([value]) for name, value in parameters.items()})
    market = market_of(prices, True, True)
    lines: dict[str, Floats] = {}
    for kind, window in _rows(decisions, rules):
        if kind == DEVIATIONS:
            assert decisions.levels is not None
            lines |= _bands(market, window, float(np.abs(decisions.levels).max()))
        elif kind in LABELS:
            lines[LABELS[kind].format(window)] = _row(market, kind, window)
    return lines


def _rows(decisions: Decisions, rules: Rules) -> list[tuple[int, int]]:
    """Return kind and window of the rows that decide; of a channel, those of the sides that are traded."""
    rows = [parts_of(int(keys[0])) for keys in decisions.keys]
    if rows[0][0] == HIGHEST:
        rows = rows[0:2] * rules.allows_long + rows[2:4] * rules.allows_short
    return list(dict.fromkeys(rows))


def _row(market: Market, kind: int, window: int) -> Floats:
    rows, state, table = np.array([[kind, window, 0]]), np.zeros((1, 2)), np.zeros((1, ROW))
    line = np.empty(len(market.close))
    for start in range(0, len(line), BLOCK):
        count = min(BLOCK, len(line) - start)
        fill_rows_nb(market, rows, start, count, state, table)
        line[start : start + count] = table[0, :count]
    return line


def _bands(market: Market, window: int, width: float) -> dict[str, Floats]:
    """Mean of the last closes, and `width` of their population deviations above and below it."""
    mean = _row(market, SMA, window)
    sums = market.sums[2] + market.sums[3]
    squares = np.full(len(mean), np.nan)
    squares[window - 1 :] = (sums[window:] - sums[:-window]) / window
    deviation = np.sqrt(np.maximum(squares - mean * mean, 0.0))
    return {
        LABELS[SMA].format(window): mean,
        "Upper band": mean + width * deviation,
        "Lower band": mean - width * deviation,
    }
