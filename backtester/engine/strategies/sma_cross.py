"""Simple moving average cross."""

from backtester.engine.kernels.indicators import shared_rows_of, sma_table
from backtester.engine.kernels.signals import crossing
from backtester.engine.prices import Prices
from backtester.engine.strategy import Arguments, Parameter, SignalBits, Strategy, below


def prepare(prices: Prices, parameters: Arguments) -> SignalBits:
    windows, fast, slow = shared_rows_of(parameters["fast"], parameters["slow"])
    table = sma_table(prices.close, windows)
    return crossing(table, fast, slow)


SMA_CROSS = Strategy(
    name="sma_cross",
    title="SMA cross",
    description="Long while the fast average is above the slow one, short while it is below. A tie is neither.",
    source="J. J. Murphy, Technical Analysis of the Financial Markets, 1999, chapter 9",
    parameters=(
        Parameter(
            name="fast", kind="int", default=20, minimum=1, maximum=5_000, unit="bars", label="Fast average",
            help="Window of the fast average.", suggested={"start": 5, "stop": 50, "step": 1},
        ),
        Parameter(
            name="slow", kind="int", default=100, minimum=2, maximum=5_000, unit="bars", label="Slow average",
            help="Window of the slow average.", suggested={"start": 60, "stop": 280, "step": 2},
        ),
    ),
    constraints=(below("fast", "slow"),),
    kind="signal",
    window="slow",
    bars_needed=lambda parameters: parameters["slow"] + 2,
    prepare=prepare,
)  # fmt: skip
