"""Moving average convergence/divergence."""

import numpy as np

from backtester.engine.arrays import Values
from backtester.engine.kernels.indicators import macd_table
from backtester.engine.kernels.signals import crossing
from backtester.engine.prices import Prices
from backtester.engine.strategy import Arguments, Parameter, SignalBits, Strategy, below

_PAIR = 1 << 20  # a window and a signal span packed into one number


def pairs_of(parameters: Arguments) -> tuple[Values, Values]:
    """Return the distinct pairs of window and signal span, packed, and the row of each fast, then each slow pair."""
    windows = np.concatenate((parameters["fast"], parameters["slow"]))
    packed, rows = np.unique(windows * _PAIR + np.tile(parameters["signal"], 2), return_inverse=True)
    return packed, rows


def prepare(prices: Prices, parameters: Arguments) -> SignalBits:
    packed, rows = pairs_of(parameters)
    table = macd_table(prices.close, packed // _PAIR, packed % _PAIR)
    count = len(parameters["fast"])
    return crossing(table, rows[:count], rows[count:])


MACD = Strategy(
    name="macd",
    title="MACD",
    description="Long while the MACD line (fast less slow average) is above its own average, short while it is below.",
    source="G. Appel, The Moving Average Convergence-Divergence Trading Method, 1979",
    parameters=(
        Parameter(
            name="fast", kind="int", default=12, minimum=1, maximum=2_000, unit="bars", label="Fast average",
            help="Span of the fast exponential average.", suggested={"start": 6, "stop": 20, "step": 1},
        ),
        Parameter(
            name="slow", kind="int", default=26, minimum=2, maximum=2_000, unit="bars", label="Slow average",
            help="Span of the slow exponential average.", suggested={"start": 22, "stop": 60, "step": 2},
        ),
        Parameter(
            name="signal", kind="int", default=9, minimum=1, maximum=1_000, unit="bars", label="Signal average",
            help="Span of the average of the MACD line.", suggested={"start": 5, "stop": 21, "step": 1},
        ),
    ),
    constraints=(below("fast", "slow"),),
    kind="signal",
    window="slow",
    bars_needed=lambda parameters: parameters["slow"] + parameters["signal"] + 1,
    prepare=prepare,
    cost_ns=1.2,
    table_rows=lambda parameters: len(pairs_of(parameters)[0]),
)  # fmt: skip
