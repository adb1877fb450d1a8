"""What counts as zero and as equal: the only place that says so, so that rounding never decides.

A number that is zero or equal in exact arithmetic differs by about 1e-16 of it in a computer. Everything below is far
above that, and far below what a market can do.
"""

import numpy as np

from backtester.engine.jit import inline

TIE = 1e-10  # of a price, an average or a level: closer ones are equal; of a target exposure, absolute
LEVEL = 1e-9  # of an indicator with levels, as RSI points and deviations: closer ones are equal
RETURN = 1e-12  # a return, a drawdown or a deviation of returns within this is zero
EQUITY = 1e-12  # of the cash beside a position: an equity within this is zero
PROFIT = 1e-12  # of the cash before the trade: a profit or a loss within this is zero
VARIANCE = 1e-13  # of the mean square: a variance within this is zero
SHARES = 1e-12  # of an order: so much less than a whole share is a whole one, up to
PART_OF_A_SHARE = 1e-3


@inline
def loss_nb(r: float) -> float:
    """The return if it is a loss, else zero. A product, because a branch is mispredicted every other bar."""
    loss = min(r, 0.0)
    return loss * (loss < -RETURN)


@inline
def equity_nb(equity: float, cash: float) -> float:
    """The equity of a position and the cash beside it: zero if the position owes that cash and rounding left more."""
    return 0.0 if equity <= EQUITY * cash else equity


@inline
def profit_nb(cash: float, before: float) -> float:
    """The profit of a trade that has turned the cash `before` it into `cash`."""
    profit = cash - before
    return 0.0 if abs(profit) <= PROFIT * before else profit


@inline
def whole_nb(shares: float) -> float:
    """Round shares >= 0 down to whole ones: cash for exactly ten shares buys ten."""
    return float(np.floor(shares + min(shares * SHARES, PART_OF_A_SHARE)))
