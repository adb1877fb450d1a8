"""Signal strategies bar by bar: the plain path, which records every trade and checks the fast one."""

import numpy as np

from backtester.engine.arrays import Floats, Words
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


@inline
def is_stopped_nb(now: float, side: int, price: float, extreme: float, stops: Floats) -> bool:
    """Whether a close touches a stop: loss and gain from the entry price, trail from the best close since the entry."""
    loss, gain, trail = side * stops[0], side * stops[1], side * stops[2]
    adverse, favourable = 1.0 + side * TIE, 1.0 - side * TIE
    touched: bool = (
        (stops[0] > 0.0 and side * now <= side * price * (1.0 - loss) * adverse)
        or (stops[1] > 0.0 and side * now >= side * price * (1.0 + gain) * favourable)
        or (stops[2] > 0.0 and side * now <= side * extreme * (1.0 - trail) * adverse)
    )
    return touched


@kernel
def trade_bits_nb(  # noqa: C901
    close: Floats,
    fill: Floats,
    rising: Words,
    falling: Words,
    stops: Floats,
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
    """One combination: all in while its bit is set, out while it is not.

    close, fill : float64[n_bars]; rising, falling : uint64[n_words], the signal at each close; long, short : sides
    allowed; stops : float64[3], stop loss, take profit and trailing stop as fractions of price, 0 is off. Writes equity
    and held shares float64[n_bars], the trade table, and returns the number of trades.

    A stop is decided at a close and filled like every order. After it, nothing is bought until the signal has changed.
    whole : orders are rounded down to whole shares, the rest stays in cash.

    An entry puts all cash into a value V with V * (1 + fees) = cash, on the long side and on the short side. A short
    keeps its proceeds as cash. When a close leaves no equity the position is bought back there, nothing is left, and
    the test trades no more.
    """
    n_bars = len(close)
    cash = capital
    shares = 0.0
    side = 0
    blocked = 0  # the side that a stop has left, until the signal changes
    entry_price = extreme = price = value = cost = 0.0
    n_trades = 0
    before = capital
    equity[0] = capital
    held[0] = 0.0
    for t in range(1, n_bars):
        bit = np.uint64((t - 1) & 63)
        word = (t - 1) >> 6
        wanted = 0
        if long and (rising[word] >> bit) & np.uint64(1):
            wanted = 1
        elif short and (falling[word] >> bit) & np.uint64(1):
            wanted = -1
        if wanted == blocked:
            wanted = 0
        else:
            blocked = 0
        if side != 0:
            now = close[t - 1]
            extreme = max(extreme, now) if side > 0 else min(extreme, now)
            if wanted == side and is_stopped_nb(now, side, entry_price, extreme, stops):
                blocked = side
                wanted = 0
        if wanted != side:
            if side != 0:
                price = fill[t] * (1.0 - side * slippage)
                cash = equity_nb(cash + shares * price - abs(shares) * price * fees, cash)
                trades[n_trades - 1, EXIT_BAR] = t
                trades[n_trades - 1, EXIT_PRICE] = price
                trades[n_trades - 1, PNL] = profit_nb(cash, before)
                shares = 0.0
                side = 0
            if wanted != 0 and cash > 0.0:
                before = cost = cash
                price = fill[t] * (1.0 + wanted * slippage)
                value = cash / (1.0 + fees)
                if whole:
                    value = whole_nb(value / price) * price
                    cost = value * (1.0 + fees)
                    if value == 0.0:  # not enough for one share: nothing is bought until the signal has changed
                        blocked = wanted
            if wanted != 0 and cash > 0.0 and wanted != blocked:
                shares = wanted * value / price
                cash = cash - wanted * value - value * fees
                side = wanted
                entry_price = price
                extreme = close[t]
                trades[n_trades, ENTRY_BAR] = t
                trades[n_trades, EXIT_BAR] = STILL_OPEN
                trades[n_trades, SIDE] = side
                trades[n_trades, ENTRY_PRICE] = price
                trades[n_trades, EXIT_PRICE] = np.nan
                trades[n_trades, SHARES] = abs(shares)
                trades[n_trades, PNL] = np.nan
                trades[n_trades, COST] = cost
                n_trades += 1
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
