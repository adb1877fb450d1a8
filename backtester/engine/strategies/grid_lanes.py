"""Grid DCA, many combinations side by side: the fast path.

Most bars of most combinations only mark the position to the close. That part is one loop over LANES combinations, which
the compiler turns into vector instructions; it also notices the lanes in which something can happen, and only those are
looked at one by one. The numbers are those of `plain_grid_nb` to the bit: the same operations in the same order.
"""

import numpy as np

from backtester.engine.bits import lowest_bit_nb
from backtester.engine.compiling import inline, kernel
from backtester.engine.metrics import write_metrics_nb
from backtester.engine.prices import Floats, Whole
from backtester.engine.strategies.grid_plain import ADD_LONG, ADD_SHORT, LEAVE, level_factors_nb

LANES = 32
# Rows of the lane table: one array with constant strides, because many arrays would stop the vectoriser.
CASH, SHARES, HIGH, LOW, EQUITY, SUM_R, SUM_R2, SUM_DOWN2, PEAK, WORST, WORST_PEAK = range(11)
GAIN_ABOVE, TURN_DOWN, ADD_BELOW, GAIN_BELOW, TURN_UP, ADD_ABOVE = range(11, 17)
N_ROWS = 17
# Rows that only events touch
LAST_BUY, SPENT, BEFORE, PROFIT, LOSS = range(5)
SIDE, LOTS, ORDER, CLOSED, WON, EXPOSED, EXPOSED_TO, ENTRY = range(8)


@inline
def set_levels_nb(
    lanes: Floats, deals: Floats, counts: Whole, lane: int, setting: Floats, long: bool, short: bool
) -> None:
    """The prices at which the lane has something to decide, after its position has changed; infinite means never.

    Long: a sale at close >= GAIN_ABOVE and close <= HIGH * TURN_DOWN, a lot at close <= ADD_BELOW. While flat, the first
    pair stands for the first lot: from any price, a step below the highest close. Short: the mirror image.
    """
    step_down, step_up, gain_up, gain_down, turn_down, turn_up = level_factors_nb(setting[0], setting[1], setting[2])
    never_below, never_above = 0.0, np.inf
    lanes[GAIN_ABOVE, lane], lanes[TURN_DOWN, lane], lanes[ADD_BELOW, lane] = never_above, 0.0, never_below
    lanes[GAIN_BELOW, lane], lanes[TURN_UP, lane], lanes[ADD_ABOVE, lane] = never_below, np.inf, never_above
    side = counts[SIDE, lane]
    if side == 0:
        if long:
            lanes[GAIN_ABOVE, lane], lanes[TURN_DOWN, lane] = 0.0, step_down
        if short:
            lanes[GAIN_BELOW, lane], lanes[TURN_UP, lane] = np.inf, step_up
    elif side > 0:
        average = deals[SPENT, lane] / lanes[SHARES, lane]
        lanes[GAIN_ABOVE, lane], lanes[TURN_DOWN, lane] = average * gain_up, turn_down
        if counts[LOTS, lane] < setting[3]:
            lanes[ADD_BELOW, lane] = deals[LAST_BUY, lane] * step_down
    else:
        average = deals[SPENT, lane] / -lanes[SHARES, lane]
        lanes[GAIN_BELOW, lane], lanes[TURN_UP, lane] = average * gain_down, turn_up
        if counts[LOTS, lane] < setting[3]:
            lanes[ADD_ABOVE, lane] = deals[LAST_BUY, lane] * step_up


@inline
def end_deal_nb(lanes: Floats, deals: Floats, counts: Whole, lane: int, t: int) -> None:
    """Book a closed deal; cash is what is left."""
    pnl = lanes[CASH, lane] - deals[BEFORE, lane]
    counts[CLOSED, lane] += 1
    counts[WON, lane] += pnl > 0.0
    deals[PROFIT, lane] += max(pnl, 0.0)
    deals[LOSS, lane] -= min(pnl, 0.0)
    counts[EXPOSED, lane] += t - max(counts[ENTRY, lane], counts[EXPOSED_TO, lane] + 1) + 1
    counts[EXPOSED_TO, lane] = t
    counts[SIDE, lane] = counts[LOTS, lane] = 0
    lanes[SHARES, lane] = 0.0


@inline
def fill_order_nb(
    lanes: Floats, deals: Floats, counts: Whole, lane: int, t: int, raw: float, lot: float, fees: float, slippage: float
) -> bool:
    """Fill the lane's order at the raw price of bar t; False when there is no money for it. See `trade_grid_nb`."""
    order = counts[ORDER, lane]
    cash, shares = lanes[CASH, lane], lanes[SHARES, lane]
    if order == LEAVE:
        price = raw * (1.0 - counts[SIDE, lane] * slippage)
        lanes[CASH, lane] = max(cash + shares * price - abs(shares) * price * fees, 0.0)
        end_deal_nb(lanes, deals, counts, lane, t)
    else:
        price = raw * (1.0 + order * slippage)
        if abs(shares) * price + lot * (1.0 + fees) > (cash + shares * price) * (1.0 + 1e-12):
            return False
        if counts[SIDE, lane] == 0:
            counts[SIDE, lane] = order
            counts[ENTRY, lane] = t
            deals[BEFORE, lane] = cash
            deals[SPENT, lane] = 0.0
        counts[LOTS, lane] += 1
        lanes[SHARES, lane] = shares + counts[SIDE, lane] * lot / price
        lanes[CASH, lane] = cash - (counts[SIDE, lane] * lot + lot * fees)
        deals[SPENT, lane] += lot
        deals[LAST_BUY, lane] = raw
    lanes[HIGH, lane] = lanes[LOW, lane] = raw
    return True


@inline
def mark_nb(lanes: Floats, price: float) -> np.uint64:
    """All lanes to the close: equity, sums, extremes. One bit a lane: it has something to decide, or nothing left."""
    noticed = np.uint64(0)
    for lane in range(np.uint64(0), np.uint64(LANES)):
        before = lanes[EQUITY, lane]
        equity = lanes[CASH, lane] + lanes[SHARES, lane] * price
        equity = equity if equity > 0.0 else 0.0
        r = equity / before - 1.0 if before > 0.0 else 0.0
        down = r if r < 0.0 else 0.0
        peak = lanes[PEAK, lane]
        peak = equity if equity > peak else peak
        worst, worst_peak = lanes[WORST, lane], lanes[WORST_PEAK, lane]
        deeper = equity * worst_peak < worst * peak
        high, low = lanes[HIGH, lane], lanes[LOW, lane]
        high = price if price > high else high
        low = price if price < low else low
        lanes[EQUITY, lane] = equity
        lanes[SUM_R, lane] += r
        lanes[SUM_R2, lane] += r * r
        lanes[SUM_DOWN2, lane] += down * down
        lanes[PEAK, lane] = peak
        lanes[WORST, lane] = equity if deeper else worst
        lanes[WORST_PEAK, lane] = peak if deeper else worst_peak
        lanes[HIGH, lane] = high
        lanes[LOW, lane] = low
        noticed |= (
            np.uint64(
                ((price >= lanes[GAIN_ABOVE, lane]) & (price <= high * lanes[TURN_DOWN, lane]))
                | (price <= lanes[ADD_BELOW, lane])
                | ((price <= lanes[GAIN_BELOW, lane]) & (price >= low * lanes[TURN_UP, lane]))
                | (price >= lanes[ADD_ABOVE, lane])
                | ((equity <= 0.0) & (before > 0.0))
            )
            << lane
        )
    return noticed


@inline
def decide_nb(lanes: Floats, counts: Whole, lane: int, price: float) -> int:
    """The order of the lane at this close, the sale first; the long side first."""
    side = counts[SIDE, lane]
    if price >= lanes[GAIN_ABOVE, lane] and price <= lanes[HIGH, lane] * lanes[TURN_DOWN, lane]:
        return ADD_LONG if side == 0 else LEAVE
    if price <= lanes[GAIN_BELOW, lane] and price >= lanes[LOW, lane] * lanes[TURN_UP, lane]:
        return ADD_SHORT if side == 0 else LEAVE
    if price <= lanes[ADD_BELOW, lane]:
        return ADD_LONG
    return ADD_SHORT


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
    periods: float,
    years: float,
    out: Floats,
) -> None:
    """Metrics float64[n_metrics, n] of n combinations, parameters float64[n, 4]."""
    n_bars = len(close)
    count = len(parameters)
    lanes = np.empty((N_ROWS, LANES))
    deals = np.empty((5, LANES))
    counts = np.empty((8, LANES), dtype=np.int64)
    for first in range(0, count, LANES):
        lanes[:] = 0.0
        deals[:] = 0.0
        counts[:] = 0
        lanes[CASH] = lanes[EQUITY] = lanes[PEAK] = lanes[WORST] = lanes[WORST_PEAK] = capital
        lanes[HIGH] = lanes[LOW] = close[0]
        counts[EXPOSED_TO] = -1
        used = min(LANES, count - first)
        for lane in range(LANES):  # unused lanes repeat the last combination and are not read
            set_levels_nb(lanes, deals, counts, lane, parameters[first + min(lane, used - 1)], long, short)
        waiting = np.uint64(0)  # a bit for each lane with an order
        for t in range(1, n_bars):
            while waiting != np.uint64(0):
                lane = lowest_bit_nb(waiting)
                waiting &= waiting - np.uint64(1)
                setting = parameters[first + min(lane, used - 1)]
                lot = capital / setting[3] / (1.0 + fees)
                if fill_order_nb(lanes, deals, counts, lane, t, fill[t], lot, fees, slippage):
                    set_levels_nb(lanes, deals, counts, lane, setting, long, short)
            noticed = mark_nb(lanes, close[t])
            while noticed != np.uint64(0):
                lane = lowest_bit_nb(noticed)
                noticed &= noticed - np.uint64(1)
                if lanes[EQUITY, lane] > 0.0:
                    counts[ORDER, lane] = decide_nb(lanes, counts, lane, close[t])
                    waiting |= np.uint64(1) << np.uint64(lane)
                    continue
                if counts[SIDE, lane] != 0:
                    lanes[CASH, lane] = 0.0
                    end_deal_nb(lanes, deals, counts, lane, t)
                lanes[GAIN_ABOVE, lane] = lanes[ADD_ABOVE, lane] = np.inf
                lanes[GAIN_BELOW, lane] = lanes[ADD_BELOW, lane] = 0.0
        for lane in range(used):
            if counts[SIDE, lane] != 0:
                begin = max(counts[ENTRY, lane], counts[EXPOSED_TO, lane] + 1)
                counts[EXPOSED, lane] += n_bars - begin
            write_metrics_nb(
                out, first + lane, capital, lanes[EQUITY, lane], n_bars - 1,
                lanes[SUM_R, lane], lanes[SUM_R2, lane], lanes[SUM_DOWN2, lane],
                lanes[WORST, lane] / lanes[WORST_PEAK, lane] - 1.0,
                counts[CLOSED, lane], counts[WON, lane], deals[PROFIT, lane], deals[LOSS, lane],
                counts[EXPOSED, lane], periods, years,
            )  # fmt: skip
