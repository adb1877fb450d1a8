"""Rows of indicators for one block of bars, from state that is carried from block to block.

A row is float64[ROW]; column j is the value at the close of the block's bar j. NaN before its window is full.
"""

from typing import NamedTuple

import numpy as np

from backtester.engine.arrays import Floats, Ints
from backtester.engine.jit import inline, kernel
from backtester.engine.kernels.block_tables import BLOCK
from backtester.engine.kernels.exact_sums import difference_nb, two_product_nb, two_sum_nb
from backtester.engine.tolerance import RETURN

ROW = BLOCK + 8  # a width that is no power of two, so that rows do not compete for the same lines of the cache
LANES = 8
CLOSE, SMA, EMA, LAG, RSI, DEVIATIONS, HIGHEST, LOWEST, MACD = range(9)


class Market(NamedTuple):
    """close, fill, high, low, days : float64[n_bars]; sums : float64[4 or 2, n_bars + 1] or [4, 0], see `prefix_nb`"""

    close: Floats
    fill: Floats
    high: Floats
    low: Floats
    days: Floats
    sums: Floats


@kernel
def prefix_nb(close: Floats, squares: bool, out: Floats) -> None:
    """Write float64[4 or 2, n_bars + 1]: sum and rest of the closes before each bar; of their squares if wanted."""
    for t in range(len(close)):
        total, rest = two_sum_nb(out[0, t], close[t])
        out[0, t + 1], out[1, t + 1] = two_sum_nb(total, rest + out[1, t])
        if squares:
            square, square_rest = two_product_nb(close[t], close[t])
            total, rest = two_sum_nb(out[2, t], square)
            out[2, t + 1], out[3, t + 1] = two_sum_nb(total, rest + (out[3, t] + square_rest))


@kernel
def fill_rows_nb(market: Market, rows: Ints, start: int, count: int, state: Floats, table: Floats) -> None:
    """Write the rows of `count` bars from bar `start` on.

    rows : int64[n_rows, 3], kind, window and for MACD the row of its average, which comes before it; within the
        other kinds windows rise
    state : float64[n_rows, 2], zeros before the first block; table : float64[n_rows, ROW]
    """
    k = 0
    while k < len(rows):
        kind, window = rows[k, 0], rows[k, 1]
        if kind in (EMA, MACD, HIGHEST, LOWEST):
            last = k + 1
            limit = len(rows) if kind in (HIGHEST, LOWEST) else min(k + LANES, len(rows))
            while last < limit and rows[last, 0] == kind:
                last += 1
            if kind == HIGHEST:
                _extremes_nb(market.high, 1.0, rows, k, last, start, count, table)
            elif kind == LOWEST:
                _extremes_nb(market.low, -1.0, rows, k, last, start, count, table)
            else:
                sources = market.close[start : start + count].reshape((1, count)) if kind == EMA else table
                _emas_nb(sources, rows, k, last, start, count, state, table)
            k = last
            continue
        row = table[k]
        if kind == SMA:
            _sma_nb(market.sums, window, start, count, row)
        elif kind == LAG:
            _lag_nb(market.close, window, start, count, row)
        elif kind == RSI:
            _rsi_nb(market.close, window, start, count, state[k], row)
        elif kind == DEVIATIONS:
            _deviations_nb(market.close, market.sums, window, start, count, row)
        else:
            _lag_nb(market.close, 0, start, count, row)
        k += 1


@inline
def _blank_nb(row: Floats, first: int, start: int, count: int) -> int:
    """Write NaN before bar `first`; return the column from which on there are values."""
    filled = min(max(first - start, 0), count)
    for j in range(filled):
        row[j] = np.nan
    return filled


@kernel
def _sma_nb(sums: Floats, window: int, start: int, count: int, row: Floats) -> None:
    """mean(close[t - w + 1 .. t]) = ((high[t + 1] - high[t + 1 - w]) + (low[t + 1] - low[t + 1 - w])) / w."""
    j = _blank_nb(row, window - 1, start, count)
    if j == count:
        return
    first, last, factor = start + 1 + j, start + 1 + count, 1.0 / window
    ends, end_rests = sums[0, first:last], sums[1, first:last]
    begins, begin_rests = sums[0, first - window : last - window], sums[1, first - window : last - window]
    values = row[j:count]
    for i in range(len(values)):
        values[i] = ((ends[i] - begins[i]) + (end_rests[i] - begin_rests[i])) * factor


@kernel
def _emas_nb(
    sources: Floats, rows: Ints, first: int, last: int, start: int, count: int, state: Floats, table: Floats
) -> None:
    """Write EMAs of the rows `sources`, eight at a time: within a row each bar depends on the one before.

    e_t = e_(t-1) + 2 / (w + 1) * (x_t - e_(t-1)), e_0 = x_0, as pandas' ewm(span=w, adjust=False); x is the close, or
    for MACD the row of an average, of which the result is the distance: x_t - e_t.
    """
    level, weight = np.zeros(LANES), np.zeros(LANES)
    lanes = np.minimum(np.arange(first, first + LANES), last - 1)  # the last row again where there are fewer
    for lane in range(LANES):
        level[lane] = state[lanes[lane], 0] if start > 0 else sources[rows[lanes[lane], 2], 0]
        weight[lane] = 2.0 / (rows[lanes[lane], 1] + 1.0)
    # Names for the lanes: elements of an array would be read and stored for every bar.
    a, b, c, d, e, f, g, h = level[0], level[1], level[2], level[3], level[4], level[5], level[6], level[7]
    wa, wb, wc, wd, we, wf, wg, wh = (
        weight[0], weight[1], weight[2], weight[3], weight[4], weight[5], weight[6], weight[7]
    )  # fmt: skip
    ra, rb, rc, rd = table[lanes[0]], table[lanes[1]], table[lanes[2]], table[lanes[3]]
    re, rf, rg, rh = table[lanes[4]], table[lanes[5]], table[lanes[6]], table[lanes[7]]
    of = rows[:, 2]
    xa, xb, xc, xd = sources[of[lanes[0]]], sources[of[lanes[1]]], sources[of[lanes[2]]], sources[of[lanes[3]]]
    xe, xf, xg, xh = sources[of[lanes[4]]], sources[of[lanes[5]]], sources[of[lanes[6]]], sources[of[lanes[7]]]
    for j in range(count):
        a, b, c, d = a + wa * (xa[j] - a), b + wb * (xb[j] - b), c + wc * (xc[j] - c), d + wd * (xd[j] - d)
        e, f, g, h = e + we * (xe[j] - e), f + wf * (xf[j] - f), g + wg * (xg[j] - g), h + wh * (xh[j] - h)
        ra[j], rb[j], rc[j], rd[j], re[j], rf[j], rg[j], rh[j] = a, b, c, d, e, f, g, h
    for k in range(first, last):
        row, source = table[k], sources[of[k]]
        state[k, 0] = row[count - 1]
        if rows[k, 0] == MACD:
            for j in range(count):
                row[j] = source[j] - row[j]


@kernel
def _lag_nb(close: Floats, lag: int, start: int, count: int, row: Floats) -> None:
    """close[t - lag]."""
    j = _blank_nb(row, lag, start, count)
    row[j:count] = close[start + j - lag : start + count - lag]


@kernel
def _rsi_nb(close: Floats, period: int, start: int, count: int, state: Floats, row: Floats) -> None:
    """Wilder's relative strength index 0 .. 100; no change is 50. Averages begin with the first `period` changes.

    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    up, down = state[0], state[1]
    for j in range(count):
        t = start + j
        change = close[t] - close[t - 1] if t > 0 else 0.0
        if t <= period:
            up += max(change, 0.0) / period
            down += max(-change, 0.0) / period
        else:
            up += (max(change, 0.0) - up) / period
            down += (max(-change, 0.0) - down) / period
        row[j] = np.nan
        if t >= period:
            row[j] = 100.0 * up / (up + down) if up + down > 0.0 else 50.0
    state[0], state[1] = up, down


@kernel
def _deviations_nb(close: Floats, sums: Floats, window: int, start: int, count: int, row: Floats) -> None:
    """(close - mean) / population deviation of the last w closes; NaN where that is within 1e-12 of the price.

    z = (close - sum / w) / sqrt(squares / w - (sum / w) ** 2), both sides times w, in two doubles each: both parts of
    the variance may agree in all sixteen digits of one.
    """
    j = _blank_nb(row, window - 1, start, count)
    if j == count:
        return
    newest, oldest, w = start + 1 + j, start + 1 + j - window, float(window)
    closes = close[newest - 1 : start + count]
    # One slice for each row: of two axes Numba makes no vectors.
    e0, e1, e2, e3 = sums[0, newest:], sums[1, newest:], sums[2, newest:], sums[3, newest:]
    b0, b1, b2, b3 = sums[0, oldest:], sums[1, oldest:], sums[2, oldest:], sums[3, oldest:]
    values = row[j:count]
    for i in range(len(values)):
        total, rest = difference_nb(e0[i], e1[i], b0[i], b1[i])
        squares, squares_rest = difference_nb(e2[i], e3[i], b2[i], b3[i])
        scaled, scaled_rest = two_product_nb(squares, w)
        square, square_rest = two_product_nb(total, total)
        spread, spread_rest = two_sum_nb(scaled, -square)
        spread += spread_rest + (scaled_rest + squares_rest * w - square_rest - 2.0 * total * rest)
        product, product_rest = two_product_nb(closes[i], w)
        distance, distance_rest = difference_nb(product, product_rest, total, rest)
        limit = RETURN * RETURN * total * total
        values[i] = (distance + distance_rest) / np.sqrt(spread) if spread > limit else np.nan


@kernel
def _extremes_nb(
    series: Floats, sign: float, rows: Ints, first: int, last: int, start: int, count: int, table: Floats
) -> None:
    """Write the highest (sign 1.0) or lowest (-1.0) value of the w bars before each bar: rows of rising windows.

    max of w values = max(max of the first p, max of the last p), p the power of two with p <= w < 2 * p
    """
    begin = max(start - rows[last - 1, 1], 0)
    size = start + count - begin
    best, wider = sign * series[begin : start + count], np.empty(size)  # best[i] : of `width` bars, the last begin + i
    width = 1
    for k in range(first, last):
        window = rows[k, 1]
        while 2 * width <= window:
            earlier, later, both = best[: size - width], best[width:], wider[width:]
            for i in range(len(both)):
                both[i] = max(earlier[i], later[i])
            best, wider, width = wider, best, 2 * width
        j = _blank_nb(table[k], window, start, count)
        if j == count:
            continue
        newest = start + j - 1 - begin
        oldest = newest - (window - width)
        values, earlier, later = table[k, j:count], best[oldest:], best[newest:]
        for i in range(len(values)):
            values[i] = sign * max(earlier[i], later[i])
