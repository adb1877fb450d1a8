"""Signal strategies by trades instead of bars: the fast path.

Positions change a few dozen times in thousands of bars. Between two changes a long position costs constant time
(`ranges`); one whose return depends on its entry, short or with cash beside whole shares, is walked through. The
numbers are those of `plain_signal` but for the order of additions (1e-11 relative).
"""

import numpy as np

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.bitmasks import TIE, lowest_bit_nb
from backtester.engine.jit import inline, kernel
from backtester.engine.kernels.shares import whole_nb
from backtester.engine.metrics.longest_drawdown import (
    AFTER,
    CASH,
    FIRST,
    HIGHEST,
    LAST,
    N_HELD,
    NEXT,
    SHARES,
    longest_drawdown_nb,
)
from backtester.engine.metrics.metrics import write_metrics_nb
from backtester.engine.range_tables import range_extremes_nb, range_sum_nb


@inline
def changes_nb(rising: Words, falling: Words, long: bool, short: bool, n_bars: int, bars: Ints, wishes: Ints) -> int:
    """The bars on which the wanted side changes, as fill bars, and the side wanted from there; returns how many.

    A decision at the last bar has no bar left to be filled on. After the last change stands n_bars, as a fence.
    """
    count = 0
    last_up = last_down = np.uint64(0)
    for word in range(len(rising)):
        up = rising[word] if long else np.uint64(0)
        down = falling[word] & ~up if short else np.uint64(0)
        changed = (up ^ ((up << np.uint64(1)) | last_up)) | (down ^ ((down << np.uint64(1)) | last_down))
        last_up = up >> np.uint64(63)
        last_down = down >> np.uint64(63)
        while changed != np.uint64(0):
            bit = np.uint64(lowest_bit_nb(changed))
            changed &= changed - np.uint64(1)
            bar = word * 64 + np.int64(bit) + 1
            if bar < n_bars:
                bars[count] = bar
                wishes[count] = np.int64((up >> bit) & np.uint64(1)) - np.int64((down >> bit) & np.uint64(1))
                count += 1
    bars[count] = n_bars
    wishes[count] = 0
    return count


@inline
def stopped_at_nb(
    close: Floats, side: int, price: float, entry: int, limit: int, loss: float, gain: float, trail: float
) -> int:
    """The fill bar of the first stop decided at entry .. limit - 2, else `limit`. A stop of 0 is off; a touch counts.

    long:  close <= price * (1 - loss), close >= price * (1 + gain), close <= highest close since entry * (1 - trail)
    short: the mirror image
    """
    extreme = close[entry]
    for t in range(entry, limit - 1):
        now = close[t]
        if side > 0:
            extreme = max(extreme, now)
            if (
                (loss > 0.0 and now <= price * (1.0 - loss) * (1.0 + TIE))
                or (gain > 0.0 and now >= price * (1.0 + gain) * (1.0 - TIE))
                or (trail > 0.0 and now <= extreme * (1.0 - trail) * (1.0 + TIE))
            ):
                return t + 1
        else:
            extreme = min(extreme, now)
            if (
                (loss > 0.0 and now >= price * (1.0 + loss) * (1.0 - TIE))
                or (gain > 0.0 and now <= price * (1.0 - gain) * (1.0 + TIE))
                or (trail > 0.0 and now >= extreme * (1.0 + trail) * (1.0 - TIE))
            ):
                return t + 1
    return limit


@kernel
def segment_signals_nb(  # noqa: C901
    close: Floats,
    fill: Floats,
    sums: Floats,
    extremes: Floats,
    highs: Floats,
    rising: Words,
    falling: Words,
    stops: Floats,
    long: bool,
    short: bool,
    fees: float,
    slippage: float,
    capital: float,
    whole: bool,
    days: Ints,
    periods: float,
    years: float,
    out: Floats,
) -> None:
    """Metrics float64[n_metrics, n] of n combinations.

    close, fill : float64[n_bars]; sums, extremes, highs : see `RangeTables`; rising, falling : uint64[n, n_words]
    stops : float64[n, 3], stop loss, take profit and trailing stop as fractions of price, 0 is off
    days : int64[n_bars], the day of each bar
    """
    n_bars = len(close)
    bars = np.empty(n_bars + 1, dtype=np.int64)
    wishes = np.empty(n_bars + 1, dtype=np.int64)
    held = np.empty((n_bars + 1, N_HELD))
    for c in range(rising.shape[0]):
        n_changes = changes_nb(rising[c], falling[c], long, short, n_bars, bars, wishes)
        has_stops = stops[c, 0] > 0.0 or stops[c, 1] > 0.0 or stops[c, 2] > 0.0
        cash = peak = capital
        drawdown = sum_r = sum_r2 = sum_down2 = gross_profit = gross_loss = 0.0
        n_held, at_peak = 1, True
        n_closed = n_won = exposed = 0
        final = capital
        squared_profits = deployed = 0.0
        best, worst = -np.inf, np.inf
        base = capital  # equity at the close before the entry
        turned = False  # the trade before ended on the bar on which this one begins
        for k in range(n_changes):
            side = wishes[k]
            if side == 0 or cash <= 0.0:
                continue
            entry = bars[k]
            before = cost = cash
            value = cash / (1.0 + fees)
            price = fill[entry] * (1.0 + side * slippage)
            if whole:
                value = whole_nb(value / price) * price
                cost = value * (1.0 + fees)
                if value == 0.0:
                    continue
            deployed = max(deployed, cost)
            if not turned:
                base = cash
            shares = side * value / price
            cash = cash - side * value - value * fees
            leave = bars[k + 1]
            if has_stops:
                leave = stopped_at_nb(close, side, price, entry, leave, stops[c, 0], stops[c, 1], stops[c, 2])
            last = leave - 1
            exposed += leave - entry + (leave < n_bars) - turned
            equity = cash + shares * close[entry]
            ruined = False
            if at_peak:
                held[n_held - 1, NEXT] = entry
            floor, after = peak * (1.0 - TIE), np.nan
            paid = cash
            if side > 0 and not whole:
                r = equity / base - 1.0
                down = min(r, 0.0)
                high, low, fall = range_extremes_nb(close, extremes, entry, last)
                drawdown = min(drawdown, min(fall - 1.0, (cash + shares * low) / peak - 1.0))
                highest = cash + shares * high
                peak = max(peak, highest)
                sum_r += r + range_sum_nb(sums, entry, last, 0)
                sum_r2 += r * r + range_sum_nb(sums, entry, last, 2)
                sum_down2 += down * down + range_sum_nb(sums, entry, last, 4)
                equity = cash + shares * close[last]
            else:
                earlier, highest = base, 0.0
                for t in range(entry, leave):
                    equity = max(cash + shares * close[t], 0.0)
                    r = equity / earlier - 1.0
                    down = min(r, 0.0)
                    sum_r += r
                    sum_r2 += r * r
                    sum_down2 += down * down
                    highest = max(highest, equity)
                    peak = max(peak, equity)
                    drawdown = min(drawdown, equity / peak - 1.0)
                    earlier = equity
                    if equity == 0.0:
                        # Bought back at this close with nothing left; the bar has been counted as the exit.
                        exposed += t - leave + 1 - (leave < n_bars)
                        last = t
                        ruined = True
                        break
            final = equity
            turned = False
            if ruined:
                cash = 0.0
            elif leave < n_bars:
                out_price = fill[leave] * (1.0 - side * slippage)
                cash = max(cash + shares * out_price - abs(shares) * out_price * fees, 0.0)
                final = cash
                turned = leave == bars[k + 1] and wishes[k + 1] != 0 and cash > 0.0
                if turned and whole:
                    turned = whole_nb(cash / (1.0 + fees) / (fill[leave] * (1.0 + wishes[k + 1] * slippage))) > 0.0
                if turned:
                    base = equity
                else:
                    after = cash
                    r = cash / equity - 1.0
                    down = min(r, 0.0)
                    sum_r += r
                    sum_r2 += r * r
                    sum_down2 += down * down
                    peak = max(peak, cash)
                    drawdown = min(drawdown, cash / peak - 1.0)
            at_peak = highest >= floor or after >= floor
            if at_peak:
                row = held[n_held]
                row[FIRST], row[LAST], row[CASH], row[SHARES] = entry, last, paid, shares
                row[HIGHEST], row[AFTER] = highest, after
                n_held += 1
            if ruined or leave < n_bars:
                pnl = cash - before
                n_closed += 1
                n_won += pnl > 0.0
                gross_profit += max(pnl, 0.0)
                gross_loss -= min(pnl, 0.0)
                squared_profits += pnl * pnl
                best = max(best, pnl / cost)
                worst = min(worst, pnl / cost)
            if cash <= 0.0 and (ruined or leave < n_bars):
                break
        if at_peak:
            held[n_held - 1, NEXT] = n_bars
        longest = longest_drawdown_nb(close, extremes, highs, days, held, n_held, capital)
        write_metrics_nb(
            out, c, capital, final, n_bars - 1, sum_r, sum_r2, sum_down2, drawdown, longest,
            n_closed, n_won, gross_profit, gross_loss, exposed, squared_profits, best, worst, deployed, periods, years,
        )  # fmt: skip
