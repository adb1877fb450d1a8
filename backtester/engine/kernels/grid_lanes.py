"""Grid DCA, many combinations side by side: the fast path.

Most bars of most combinations only mark the position to the close. That part is one loop over LANES combinations, which
the compiler turns into vector instructions; it also notices the lanes in which something can happen, and only those are
looked at one by one; so are those in which a drawdown breaks a record. The numbers are those of `trade_grid_nb` to the
bit: the same operations in the same order. Only the last digit of the drawdown may differ, which is found here without
a division at every bar.
"""

import numpy as np

from backtester.engine.arrays import Floats, Ints
from backtester.engine.bitmasks import lowest_bit_nb
from backtester.engine.jit import inline, kernel
from backtester.engine.kernels.grid_plain import ADD_LONG, ADD_SHORT, LEAVE, level_factors_nb
from backtester.engine.metrics.metrics import write_metrics_nb
from backtester.engine.tolerance import RETURN, equity_nb, profit_nb, whole_nb

LANES = 32
_ALL_LANES = np.uint64((1 << LANES) - 1)
# Rows of the lane table: one array with constant strides, because many arrays would stop the vectoriser.
CASH, SHARES, HIGH, LOW, EQUITY, SUM_R, SUM_R2, SUM_DOWN2, PEAK, LEFT, PEAK_DAY, LONGEST = range(12)
GAIN_ABOVE, TURN_DOWN, ADD_BELOW, GAIN_BELOW, TURN_UP, ADD_ABOVE = range(12, 18)
N_ROWS = 18
# Rows that only events touch
LAST_BUY, SPENT, BEFORE, PROFIT, LOSS, LOT, MAX_LOTS = range(7)
STEP_DOWN, STEP_UP, GAIN_UP, GAIN_DOWN, LEAVE_DOWN, LEAVE_UP = range(7, 13)
COST, SQUARES, BEST, WORST_DEAL, DEPLOYED = range(13, 18)
N_DEALS = 18
SIDE, LOTS, CLOSED, WON, EXPOSED, EXPOSED_TO, ENTRY = range(7)
N_COUNTS = 7
NEVER_ABOVE, NEVER_BELOW = np.inf, 0.0


@inline
def wait_nb(lanes: Floats, deals: Floats, lane: int, long: bool, short: bool) -> None:
    """The levels of a lane that holds nothing: the pair of a sale stands for the first lot, a step off the extreme.

    Long: a sale at close >= GAIN_ABOVE and close <= HIGH * TURN_DOWN, a lot at close <= ADD_BELOW.
    Short: the mirror image, GAIN_BELOW, LOW * TURN_UP and ADD_ABOVE.
    """
    lanes[GAIN_ABOVE, lane] = 0.0 if long else NEVER_ABOVE
    lanes[TURN_DOWN, lane] = deals[STEP_DOWN, lane]
    lanes[ADD_BELOW, lane] = NEVER_BELOW
    if short:
        lanes[GAIN_BELOW, lane] = np.inf
        lanes[TURN_UP, lane] = deals[STEP_UP, lane]
        lanes[ADD_ABOVE, lane] = NEVER_ABOVE


@inline
def end_deal_nb(lanes: Floats, deals: Floats, counts: Ints, lane: int, t: int) -> None:
    """Book a closed deal; cash is what is left."""
    pnl = profit_nb(lanes[CASH, lane], deals[BEFORE, lane])
    counts[CLOSED, lane] += 1
    counts[WON, lane] += pnl > 0.0
    deals[PROFIT, lane] += max(pnl, 0.0)
    deals[LOSS, lane] -= min(pnl, 0.0)
    deals[SQUARES, lane] += pnl * pnl
    deals[BEST, lane] = max(deals[BEST, lane], pnl / deals[COST, lane])
    deals[WORST_DEAL, lane] = min(deals[WORST_DEAL, lane], pnl / deals[COST, lane])
    deals[DEPLOYED, lane] = max(deals[DEPLOYED, lane], deals[COST, lane])
    counts[EXPOSED, lane] += t - max(counts[ENTRY, lane], counts[EXPOSED_TO, lane] + 1) + 1
    counts[EXPOSED_TO, lane] = t
    counts[SIDE, lane] = 0
    counts[LOTS, lane] = 0
    lanes[SHARES, lane] = 0.0


@inline
def add_lot_nb(
    lanes: Floats,
    deals: Floats,
    counts: Ints,
    lane: int,
    side: int,
    t: int,
    raw: float,
    fees: float,
    slippage: float,
    whole: bool,
) -> None:
    """Buy or sell short one lot at the raw price of bar t, if there is money for it. See `trade_grid_nb`."""
    cash, shares, lot = lanes[CASH, lane], lanes[SHARES, lane], deals[LOT, lane]
    price = raw * (1.0 + side * slippage)
    if whole:
        lot = whole_nb(lot / price) * price
    if lot == 0.0 or abs(shares) * price + lot * (1.0 + fees) > (cash + shares * price) * (1.0 + 1e-12):
        return
    if counts[SIDE, lane] == 0:
        counts[SIDE, lane] = side
        counts[ENTRY, lane] = t
        deals[BEFORE, lane] = cash
        deals[SPENT, lane] = 0.0
        deals[COST, lane] = 0.0
        lanes[TURN_DOWN, lane] = deals[LEAVE_DOWN, lane]
        lanes[TURN_UP, lane] = deals[LEAVE_UP, lane]
        lanes[GAIN_ABOVE, lane] = NEVER_ABOVE
        lanes[GAIN_BELOW, lane] = NEVER_BELOW
    counts[LOTS, lane] += 1
    shares += side * lot / price
    spent = deals[SPENT, lane] + lot
    lanes[SHARES, lane] = shares
    lanes[CASH, lane] = cash - (side * lot + lot * fees)
    deals[SPENT, lane] = spent
    deals[COST, lane] += lot * (1.0 + fees)
    full = counts[LOTS, lane] >= deals[MAX_LOTS, lane]
    if side > 0:
        lanes[GAIN_ABOVE, lane] = spent / shares * deals[GAIN_UP, lane]
        lanes[ADD_BELOW, lane] = NEVER_BELOW if full else raw * deals[STEP_DOWN, lane]
    else:
        lanes[GAIN_BELOW, lane] = spent / -shares * deals[GAIN_DOWN, lane]
        lanes[ADD_ABOVE, lane] = NEVER_ABOVE if full else raw * deals[STEP_UP, lane]
    lanes[HIGH, lane] = raw
    lanes[LOW, lane] = raw


@inline
def leave_nb(
    lanes: Floats, deals: Floats, counts: Ints, lane: int, t: int, raw: float, fees: float, slippage: float
) -> None:
    """Close the lane's deal at the raw price of bar t."""
    price = raw * (1.0 - counts[SIDE, lane] * slippage)
    shares = lanes[SHARES, lane]
    cash = lanes[CASH, lane]
    lanes[CASH, lane] = equity_nb(cash + shares * price - abs(shares) * price * fees, cash)
    end_deal_nb(lanes, deals, counts, lane, t)
    lanes[HIGH, lane] = 0.0
    lanes[LOW, lane] = np.inf


@inline
def mark_nb(lanes: Floats, price: float, yesterday: float, today: float, short: bool) -> np.uint64:
    """All lanes to the close: equity, sums, extremes. Bit `lane`: it has something to decide, or nothing left; bit
    LANES + `lane`: a drawdown is deeper than all before, or has ended and was longer.

    yesterday, today : the days of the bar before and of this one
    short : given as a constant, so that the compiler leaves out what only short positions need

    Adding 0.0 changes no number. Without it the compiler stores a running extreme only in the lanes where it changes,
    with an instruction that takes AMD's processors a dozen cycles (vmaskmovpd): a third of the time of everything.
    """
    noticed = np.uint64(0)
    for lane in range(np.uint64(0), np.uint64(LANES)):
        before = lanes[EQUITY, lane]
        equity = lanes[CASH, lane] + lanes[SHARES, lane] * price
        if short:  # only a short position can lose more than there is
            equity = equity_nb(equity, lanes[CASH, lane])
            r = equity / before - 1.0 if before > 0.0 else 0.0
        else:
            r = equity / before - 1.0
        down = r if r < -RETURN else 0.0
        peak = lanes[PEAK, lane]
        peak = (equity if equity > peak else peak) + 0.0
        peak_day = lanes[PEAK_DAY, lane]
        met = equity >= peak * (1.0 - RETURN)
        longer = met & (peak_day < min(yesterday, today - lanes[LONGEST, lane]))
        record = longer | (equity < peak * lanes[LEFT, lane])
        high = lanes[HIGH, lane]
        high = (price if price > high else high) + 0.0
        lanes[EQUITY, lane] = equity
        lanes[SUM_R, lane] += r
        lanes[SUM_R2, lane] += r * r
        lanes[SUM_DOWN2, lane] += down * down
        lanes[PEAK, lane] = peak
        lanes[PEAK_DAY, lane] = (today if met & ~longer else peak_day) + 0.0
        lanes[HIGH, lane] = high
        sale = (price >= lanes[GAIN_ABOVE, lane]) & (price <= high * lanes[TURN_DOWN, lane])
        notice = sale | (price <= lanes[ADD_BELOW, lane])
        if short:
            low = lanes[LOW, lane]
            low = (price if price < low else low) + 0.0
            lanes[LOW, lane] = low
            notice |= (price <= lanes[GAIN_BELOW, lane]) & (price >= low * lanes[TURN_UP, lane])
            notice |= (price >= lanes[ADD_ABOVE, lane]) | ((equity <= 0.0) & (before > 0.0))
        noticed |= (np.uint64(notice) | (np.uint64(record) << np.uint64(LANES))) << lane
    return noticed


@inline
def record_nb(lanes: Floats, records: np.uint64, today: float) -> None:
    """Drawdowns deeper or longer than all before; LEFT is what the deepest has left of its peak, LONGEST is in days."""
    while records != np.uint64(0):
        lane = lowest_bit_nb(records)
        records &= records - np.uint64(1)
        equity, peak = lanes[EQUITY, lane], lanes[PEAK, lane]
        lanes[LEFT, lane] = min(lanes[LEFT, lane], equity / peak)
        if equity >= peak * (1.0 - RETURN):
            lanes[LONGEST, lane] = today - lanes[PEAK_DAY, lane]
            lanes[PEAK_DAY, lane] = today


@inline
def longest_nb(lanes: Floats, lane: int, last_day: float) -> float:
    """Days of the longest drawdown; one that is open counts to the last day."""
    longest: float = lanes[LONGEST, lane]
    if lanes[EQUITY, lane] < lanes[PEAK, lane] * (1.0 - RETURN):
        longest = max(longest, last_day - lanes[PEAK_DAY, lane])
    return longest


@inline
def decide_nb(lanes: Floats, counts: Ints, lane: int, price: float) -> int:
    """The order of a noticed lane at this close, the sale first, the long side first."""
    side = counts[SIDE, lane]
    if price >= lanes[GAIN_ABOVE, lane] and price <= lanes[HIGH, lane] * lanes[TURN_DOWN, lane]:
        return ADD_LONG if side == 0 else LEAVE
    if price <= lanes[GAIN_BELOW, lane] and price >= lanes[LOW, lane] * lanes[TURN_UP, lane]:
        return ADD_SHORT if side == 0 else LEAVE
    return ADD_LONG if price <= lanes[ADD_BELOW, lane] else ADD_SHORT


@inline
def start_nb(
    lanes: Floats,
    deals: Floats,
    counts: Ints,
    parameters: Floats,
    close: float,
    day: float,
    capital: float,
    fees: float,
) -> None:
    """All lanes before the first bar; parameters float64[LANES or less, 4], unused lanes repeat the last row."""
    lanes[:] = 0.0
    deals[:] = 0.0
    counts[:] = 0
    for lane in range(LANES):
        setting = parameters[min(lane, len(parameters) - 1)]
        (
            deals[STEP_DOWN, lane], deals[STEP_UP, lane], deals[GAIN_UP, lane],
            deals[GAIN_DOWN, lane], deals[LEAVE_DOWN, lane], deals[LEAVE_UP, lane],
        ) = level_factors_nb(setting[0], setting[1], setting[2])  # fmt: skip
        deals[LOT, lane] = capital / setting[3] / (1.0 + fees)
        deals[MAX_LOTS, lane] = setting[3]
        counts[EXPOSED_TO, lane] = -1
        deals[BEST, lane] = -np.inf
        deals[WORST_DEAL, lane] = np.inf
        for row in (CASH, EQUITY, PEAK):
            lanes[row, lane] = capital
        lanes[LEFT, lane] = 1.0
        lanes[HIGH, lane] = lanes[LOW, lane] = close
        lanes[PEAK_DAY, lane] = day
        lanes[ADD_ABOVE, lane] = NEVER_ABOVE
        lanes[TURN_UP, lane] = np.inf


@kernel
def lane_grid_nb(
    close: Floats,
    fill: Floats,
    parameters: Floats,
    long: bool,
    short: bool,
    fees: float,
    slippage: float,
    capital: float,
    whole: bool,
    days: Floats,
    periods: float,
    years: float,
    out: Floats,
) -> None:
    """Metrics float64[n_metrics, n] of n combinations, parameters float64[n, 4]."""
    n_bars = len(close)
    lanes = np.empty((N_ROWS, LANES))
    deals = np.empty((N_DEALS, LANES))
    counts = np.empty((N_COUNTS, LANES), dtype=np.int64)
    for first in range(0, len(parameters), LANES):
        used = min(LANES, len(parameters) - first)
        start_nb(lanes, deals, counts, parameters[first : first + used], close[0], days[0], capital, fees)
        for lane in range(LANES):
            wait_nb(lanes, deals, lane, long, short)
        for t in range(1, n_bars):
            yesterday, today = days[t - 1], days[t]
            if short:
                noticed = mark_nb(lanes, close[t], yesterday, today, True)
            else:
                noticed = mark_nb(lanes, close[t], yesterday, today, False)
            record_nb(lanes, noticed >> np.uint64(LANES), today)
            noticed &= _ALL_LANES
            while noticed != np.uint64(0):
                lane = lowest_bit_nb(noticed)
                noticed &= noticed - np.uint64(1)
                if lanes[EQUITY, lane] <= 0.0:
                    if counts[SIDE, lane] != 0:
                        lanes[CASH, lane] = 0.0
                        end_deal_nb(lanes, deals, counts, lane, t)
                    wait_nb(lanes, deals, lane, False, False)
                    lanes[GAIN_BELOW, lane] = NEVER_BELOW
                    lanes[ADD_ABOVE, lane] = NEVER_ABOVE
                elif t + 1 < n_bars:  # decided here, filled at the next bar, before it is marked
                    order = decide_nb(lanes, counts, lane, close[t])
                    if order == LEAVE:
                        leave_nb(lanes, deals, counts, lane, t + 1, fill[t + 1], fees, slippage)
                        wait_nb(lanes, deals, lane, long, short)
                    else:
                        add_lot_nb(lanes, deals, counts, lane, order, t + 1, fill[t + 1], fees, slippage, whole)
        for lane in range(used):
            if counts[SIDE, lane] != 0:
                begin = max(counts[ENTRY, lane], counts[EXPOSED_TO, lane] + 1)
                counts[EXPOSED, lane] += n_bars - begin
                deals[DEPLOYED, lane] = max(deals[DEPLOYED, lane], deals[COST, lane])
            write_metrics_nb(
                out, first + lane, capital, lanes[EQUITY, lane], n_bars - 1,
                lanes[SUM_R, lane], lanes[SUM_R2, lane], lanes[SUM_DOWN2, lane],
                lanes[LEFT, lane] - 1.0, longest_nb(lanes, lane, days[n_bars - 1]),
                counts[CLOSED, lane], counts[WON, lane], deals[PROFIT, lane], deals[LOSS, lane],
                counts[EXPOSED, lane], deals[SQUARES, lane], deals[BEST, lane], deals[WORST_DEAL, lane],
                deals[DEPLOYED, lane], periods, years,
            )  # fmt: skip
