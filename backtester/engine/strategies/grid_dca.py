"""Grid DCA: buy a lot at each step down, sell everything on a trailing stop above a required profit.

The averaging-down bots of the crypto exchanges trade like this; the rules below are our own wording of that method.
"""

import numpy as np

from backtester.engine.arrays import Ints
from backtester.engine.kernels.grid_lanes import lane_grid_nb
from backtester.engine.kernels.grid_plain import trade_grid_nb
from backtester.engine.strategy import Arguments, Parameter, Strategy


def bars_needed(parameters: Arguments) -> Ints:
    return np.full(len(parameters["max_lots"]), 3, dtype=np.int64)


GRID_DCA = Strategy(
    name="grid_dca",
    title="Grid DCA",
    description=(
        "Buys a fixed lot each time the close has fallen by the grid interval below the last buy, up to a maximum "
        "of lots; while it holds nothing, the highest close since the last sale takes the place of the last buy. "
        "Sells everything when the close is at least the profit requirement above the average price paid and has "
        "fallen by the trailing stop below its highest since the last buy. The short side is the mirror image."
    ),
    source="our own rules for the grid and DCA bots that exchanges describe in their help pages",
    parameters=(
        Parameter(
            name="grid_interval", kind="percent", default=0.05, minimum=0.0005, maximum=0.9, unit="fraction of price",
            label="Grid interval", help="How far the price must fall below the last buy before the next lot is bought.",
            suggested={"start": 0.02, "stop": 0.2, "step": 0.01}, scaled_by_beta=True,
        ),
        Parameter(
            name="profit_requirement", kind="percent", default=0.1, minimum=0.0, maximum=10.0, unit="fraction of price",
            label="Profit requirement", help="How far above the average price paid a sale must be decided.",
            suggested={"start": 0.02, "stop": 0.3, "step": 0.02}, scaled_by_beta=True,
        ),
        Parameter(
            name="trailing_stop", kind="percent", default=0.05, minimum=0.0, maximum=0.9, unit="fraction of price",
            label="Trailing stop",
            help="How far the price must fall from its highest since the last buy before a sale; 0 sells at once.",
            suggested={"start": 0.0, "stop": 0.1, "step": 0.02}, scaled_by_beta=True,
        ),
        Parameter(
            name="max_lots", kind="int", default=10, minimum=1, maximum=1_000, unit="lots", label="Maximum lots",
            help="How many lots a deal may hold; each costs this share of the initial capital.",
            suggested={"start": 5, "stop": 20, "step": 5},
        ),
    ),
    kind="path",
    bars_needed=bars_needed,
    trade=trade_grid_nb,
    trade_fast=lane_grid_nb,
    cost_ns=1.5,
)  # fmt: skip
