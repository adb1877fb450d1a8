"""Strategies that name a target exposure, bar by bar; whole positions and fractions of one."""

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

WHOLE, FRACTIONS, TOO_LARGE = range(3)


@inline
def wanted_value_nb(target: float, cash: float, value: float, fees: float, buys: bool) -> float:
    """The value X of the position after a trade whose fee leaves X = target * equity.

    X = target * (cash + value - |X - value| * fees), solved for a purchase and for a sale
    """
    if buys:
        return target * (cash + value * (1.0 + fees)) / (1.0 + target * fees)
    return target * (cash + value * (1.0 - fees)) / (1.0 - target * fees)


@kernel
def trade_exposure_nb(  # noqa: C901
    close: Floats,
    fill: Floats,
    targets: Floats,
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
    """One combination that holds `targets[t]` of its equity from the bar after t on: -1 .. 1, NaN is 0.

    An order is given when the target changes by more than a tie, not when prices move the exposure away from it. A
    position turned round
    is closed first; a trade lasts from flat to flat or to the other side, what is added or taken off between belongs
    to it. whole : the position is rounded down to whole shares, the rest stays in cash. With targets -1, 0 and 1 this
    is `trade_bits_nb`. Arrays as there.
    """
    n_bars = len(close)
    cash = before = capital
    shares = cost = 0.0
    side = n_trades = 0
    last_target = 0.0
    equity[0] = capital
    held[0] = 0.0
    for t in range(1, n_bars):
        target = targets[t - 1]
        if not ((long and target > 0.0) or (short and target < 0.0)):
            target = 0.0
        if abs(target - last_target) > TIE:
            last_target = target
            if side != 0 and target * side <= 0.0:
                price = fill[t] * (1.0 - side * slippage)
                cash = equity_nb(cash + shares * price - abs(shares) * price * fees, cash)
                trades[n_trades - 1, EXIT_BAR] = t
                trades[n_trades - 1, EXIT_PRICE] = price
                trades[n_trades - 1, PNL] = profit_nb(cash, before)
                shares = 0.0
                side = 0
            if target != 0.0 and equity_nb(cash + shares * fill[t], cash) > 0.0:
                buy, sell = fill[t] * (1.0 + slippage), fill[t] * (1.0 - slippage)
                more = wanted_value_nb(target, cash, shares * buy, fees, True) - shares * buy
                less = wanted_value_nb(target, cash, shares * sell, fees, False) - shares * sell
                price = buy
                traded = max(more, 0.0)
                if more <= 0.0 and less < 0.0:
                    price = sell
                    traded = less
                if whole:
                    wanted = shares + traded / price
                    wanted = whole_nb(wanted) if wanted > 0.0 else -whole_nb(-wanted)
                    traded = (wanted - shares) * price
                if side == 0 and traded != 0.0:
                    side = 1 if traded > 0.0 else -1
                    before = cash
                    trades[n_trades, ENTRY_BAR] = t
                    trades[n_trades, EXIT_BAR] = STILL_OPEN
                    trades[n_trades, SIDE] = side
                    trades[n_trades, ENTRY_PRICE] = price
                    trades[n_trades, EXIT_PRICE] = np.nan
                    trades[n_trades, PNL] = np.nan
                    trades[n_trades, COST] = cost = 0.0
                    n_trades += 1
                if traded * side > 0.0:
                    cost += abs(traded) * (1.0 + fees)
                elif shares != 0.0:  # what is left cost its share
                    cost *= 1.0 + traded / (shares * price)
                shares += traded / price
                cash -= traded + abs(traded) * fees
                if side != 0:
                    trades[n_trades - 1, SHARES] = abs(shares)
                    trades[n_trades - 1, COST] = max(trades[n_trades - 1, COST], cost)
        equity[t] = equity_nb(cash + shares * close[t], cash)
        held[t] = shares
        if equity[t] == 0.0:
            if side != 0:
                trades[n_trades - 1, EXIT_BAR] = t
                trades[n_trades - 1, EXIT_PRICE] = close[t]
                trades[n_trades - 1, PNL] = -before
            equity[t:] = 0.0
            held[t:] = 0.0
            break
    return n_trades


@kernel
def kind_of_targets_nb(targets: Floats) -> int:
    """WHOLE when targets float64[n_bars] are all -1, 0, 1 or NaN, TOO_LARGE when one is beyond 1, else FRACTIONS."""
    fractions = 0
    beyond = 0
    for t in range(len(targets)):
        target = abs(targets[t])
        fractions += (target > 0.0) & (target < 1.0)
        beyond += target > 1.0
    if beyond > 0:
        return TOO_LARGE
    return FRACTIONS if fractions > 0 else WHOLE
