"""Periodic DCA: the same amount at fixed intervals."""

import numpy as np

from backtester.engine.arrays import Floats, Values
from backtester.engine.jit import kernel
from backtester.engine.metrics.metrics import (
    COST,
    ENTRY_BAR,
    ENTRY_PRICE,
    EXIT_BAR,
    EXIT_PRICE,
    PNL,
    SHARES,
    SIDE,
    STILL_OPEN,
)
from backtester.engine.strategy import Arguments, Parameter, Strategy
from backtester.engine.tolerance import TIE, profit_nb, whole_nb


@kernel
def trade_periodic_nb(
    close: Floats,
    fill: Floats,
    parameters: Floats,
    long: bool,  # noqa: ARG001 - the signature of every plain kernel
    short: bool,  # noqa: ARG001
    fees: float,
    slippage: float,
    capital: float,
    whole: bool,
    equity: Floats,
    held: Floats,
    trades: Floats,
) -> int:
    """One combination; parameters = every, instalments, profit_requirement. Arrays as in `trade_grid_nb`.

    An instalment costs capital / instalments, its fee included. The first is decided at the first close, the next ones
    every `every` bars. With a profit requirement above zero everything is sold at the first close that reaches it.
    """
    every, instalments, profit = int(parameters[0]), parameters[1], parameters[2]
    n_bars = len(close)
    lot = budget = capital / instalments / (1.0 + fees)
    cash = before = capital
    shares = spent = cost = 0.0
    n_trades = 0
    leaving = False
    due = 1  # the bar of the next instalment; a remainder at every bar would take longer than all the rest
    level = np.inf  # the close that is enough to sell
    equity[0] = capital
    held[0] = 0.0
    for t in range(1, n_bars):
        is_due = t == due
        if is_due:
            due += every
        if leaving:
            price = fill[t] * (1.0 - slippage)
            cash += shares * price * (1.0 - fees)
            trades[n_trades - 1, EXIT_BAR] = t
            trades[n_trades - 1, EXIT_PRICE] = price
            trades[n_trades - 1, PNL] = profit_nb(cash, before)
            shares = 0.0
            leaving = False
        elif is_due and cash >= budget * (1.0 + fees) * (1.0 - 1e-12):
            price = fill[t] * (1.0 + slippage)
            if whole:
                lot = whole_nb(budget / price) * price
            if shares == 0.0 and lot > 0.0:
                before = cash
                spent = cost = 0.0
                trades[n_trades, ENTRY_BAR] = t
                trades[n_trades, EXIT_BAR] = STILL_OPEN
                trades[n_trades, SIDE] = 1.0
                trades[n_trades, EXIT_PRICE] = np.nan
                trades[n_trades, PNL] = np.nan
                n_trades += 1
            shares += lot / price
            cash -= lot * (1.0 + fees)
            spent += lot
            cost += lot * (1.0 + fees)
            if shares > 0.0:
                trades[n_trades - 1, SHARES] = shares
                trades[n_trades - 1, ENTRY_PRICE] = spent / shares
                trades[n_trades - 1, COST] = cost
                level = spent / shares * (1.0 + profit) * (1.0 - TIE)
        equity[t] = cash + shares * close[t]
        held[t] = shares
        leaving = shares > 0.0 and profit > 0.0 and close[t] >= level
    return n_trades


def bars_needed(parameters: Arguments) -> Values:
    return np.full(len(parameters["every"]), 2, dtype=np.int64)


PERIODIC_DCA = Strategy(
    name="periodic_dca",
    title="Periodic DCA",
    description=(
        "Buys for the same amount at fixed intervals until the capital is spent, whatever the price. With a profit "
        "requirement it sells everything once the close is that far above the average price paid, and goes on."
    ),
    source="M. S. Rozeff, Lump-Sum Investing versus Dollar-Averaging, Journal of Portfolio Management 20, 1994",
    parameters=(
        Parameter(
            name="every", kind="int", default=21, minimum=1, maximum=2_000, unit="bars", label="Every",
            help="Bars from one instalment to the next.", suggested={"start": 1, "stop": 63, "step": 1},
        ),
        Parameter(
            name="instalments", kind="int", default=24, minimum=1, maximum=10_000, unit="instalments",
            label="Instalments", help="How many equal parts the initial capital is spent in.",
            suggested={"start": 4, "stop": 120, "step": 4},
        ),
        Parameter(
            name="profit_requirement", kind="percent", default=0.0, minimum=0.0, maximum=10.0,
            unit="fraction of price", label="Profit requirement", scaled_by_beta=True,
            help="How far above the average price paid everything is sold; 0 never sells.",
            suggested={"start": 0.0, "stop": 0.5, "step": 0.25},
        ),
    ),
    directions=("long",),
    kind="path",
    bars_needed=bars_needed,
    trade=trade_periodic_nb,
    cost_ns=4.0,
)  # fmt: skip
