"""Grid DCA bar by bar: the plain path, which records every deal and checks the fast one."""

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import inline, kernel
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
from backtester.engine.tolerance import TIE, equity_nb, profit_nb, whole_nb

NOTHING, ADD_LONG, ADD_SHORT, LEAVE = 0, 1, -1, 2


@inline
def level_factors_nb(
    interval: float, profit: float, trailing: float
) -> tuple[float, float, float, float, float, float]:
    """What levels are multiplied by: a step down and up, a gain up and down, a turn down and up.

    A level that is met exactly counts as reached: 95.00 has fallen by 5 % from 100.00, whatever the rounding says.
    """
    reach_up, reach_down = 1.0 - TIE, 1.0 + TIE
    return (
        (1.0 - interval) * reach_down, (1.0 + interval) * reach_up, (1.0 + profit) * reach_up,
        (1.0 - profit) * reach_down, (1.0 - trailing) * reach_down, (1.0 + trailing) * reach_up,
    )  # fmt: skip


@kernel
def trade_grid_nb(  # noqa: C901
    close: Floats,
    fill: Floats,
    parameters: Floats,
    long: bool,
    short: bool,
    fees: float,
    slippage: float,
    capital: float,
    whole: bool,
    equity: Floats,
    held: Floats,
    trades: Floats,
) -> int:
    """One combination; parameters = grid_interval, profit_requirement, trailing_stop, max_lots.

    A lot costs capital / max_lots, its fee included, for the whole test. A lot is bought only if the position with it
    is worth no more than the equity: no leverage, on the short side too.
    """
    interval, profit, trailing, max_lots = parameters[0], parameters[1], parameters[2], parameters[3]
    step_down, step_up, gain_up, gain_down, turn_down, turn_up = level_factors_nb(interval, profit, trailing)
    n_bars = len(close)
    lot = budget = capital / max_lots / (1.0 + fees)
    cash = before = capital
    shares = spent = cost = 0.0
    side = n_trades = lots = 0
    order = NOTHING
    last_buy = 0.0
    high = low = close[0]  # the extremes since the last buy; while flat, since the last sale
    equity[0] = capital
    held[0] = 0.0
    for t in range(1, n_bars):
        if order == LEAVE:
            price = fill[t] * (1.0 - side * slippage)
            cash = equity_nb(cash + shares * price - abs(shares) * price * fees, cash)
            trades[n_trades - 1, EXIT_BAR] = t
            trades[n_trades - 1, EXIT_PRICE] = price
            trades[n_trades - 1, PNL] = profit_nb(cash, before)
            side = lots = 0
            shares = 0.0
            high, low = 0.0, np.inf
        elif order != NOTHING:
            price = fill[t] * (1.0 + order * slippage)
            worth = cash + shares * price
            if whole:
                lot = whole_nb(budget / price) * price
            # A hair of tolerance: the last of ten lots must not fail on the rounding of the nine before it.
            if lot > 0.0 and abs(shares) * price + lot * (1.0 + fees) <= worth * (1.0 + 1e-12):
                if side == 0:
                    side = order
                    before = cash
                    spent = cost = 0.0
                    trades[n_trades, ENTRY_BAR] = t
                    trades[n_trades, EXIT_BAR] = STILL_OPEN
                    trades[n_trades, SIDE] = side
                    trades[n_trades, EXIT_PRICE] = np.nan
                    trades[n_trades, PNL] = np.nan
                    n_trades += 1
                lots += 1
                shares += side * lot / price
                cash -= side * lot + lot * fees
                spent += lot
                cost += lot * (1.0 + fees)
                trades[n_trades - 1, SHARES] = abs(shares)
                trades[n_trades - 1, ENTRY_PRICE] = spent / abs(shares)
                trades[n_trades - 1, COST] = cost
                last_buy = high = low = fill[t]
        price = close[t]
        equity[t] = equity_nb(cash + shares * price, cash)
        held[t] = shares
        if equity[t] == 0.0:
            if side != 0:
                trades[n_trades - 1, EXIT_BAR] = t
                trades[n_trades - 1, EXIT_PRICE] = price
                trades[n_trades - 1, PNL] = -before
            equity[t:] = 0.0
            held[t:] = 0.0
            break
        high = max(high, price)
        low = min(low, price)
        order = NOTHING
        if side == 0:
            if long and price <= high * step_down:
                order = ADD_LONG
            elif short and price >= low * step_up:
                order = ADD_SHORT
        elif side > 0:
            average = spent / shares
            if price >= average * gain_up and price <= high * turn_down:
                order = LEAVE
            elif lots < max_lots and price <= last_buy * step_down:
                order = ADD_LONG
        else:
            average = spent / -shares
            if price <= average * gain_down and price >= low * turn_up:
                order = LEAVE
            elif lots < max_lots and price >= last_buy * step_up:
                order = ADD_SHORT
    return n_trades
