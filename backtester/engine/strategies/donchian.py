"""Donchian channel breakout, the turtles' rule."""

import numpy as np

from backtester.engine.kernels.indicators import extreme_tables, shared_rows_of
from backtester.engine.kernels.signals import above, between
from backtester.engine.prices import Prices
from backtester.engine.strategy import Arguments, Parameter, SignalBits, Strategy, below


def prepare(prices: Prices, parameters: Arguments) -> SignalBits:
    windows, leave, entry = shared_rows_of(parameters["exit_window"], parameters["entry_window"])
    high = prices.close if prices.high is None else prices.high
    low = prices.close if prices.low is None else prices.low
    highest, lowest = extreme_tables(high, low, windows)
    close, only = prices.close.reshape(1, -1), np.zeros(len(entry), dtype=np.int64)
    return SignalBits(
        rising=between(above(close, only, highest, entry), above(lowest, leave, close, only)),
        falling=between(above(lowest, entry, close, only), above(close, only, highest, leave)),
    )


DONCHIAN_BREAKOUT = Strategy(
    name="donchian_breakout",
    title="Donchian breakout",
    description=(
        "Long from a close above the highest high of the bars before it until a close below their lowest low, over a "
        "shorter window; short the other way round. Closes take the place of highs and lows where there are none."
    ),
    source="C. Faith, The Original Turtle Trading Rules, 2003",
    parameters=(
        Parameter(
            name="exit_window", kind="int", default=20, minimum=1, maximum=5_000, unit="bars", label="Exit window",
            help="Bars of the channel that ends a position.", suggested={"start": 5, "stop": 50, "step": 1},
        ),
        Parameter(
            name="entry_window", kind="int", default=55, minimum=2, maximum=5_000, unit="bars", label="Entry window",
            help="Bars of the channel that begins a position.", suggested={"start": 55, "stop": 250, "step": 2},
        ),
    ),
    constraints=(below("exit_window", "entry_window"),),
    kind="signal",
    window="entry_window",
    bars_needed=lambda parameters: parameters["entry_window"] + 3,
    prepare=prepare,
    table_rows=lambda parameters: 2 * len(shared_rows_of(parameters["exit_window"], parameters["entry_window"])[0]),
)  # fmt: skip
