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
                _emas_nb(market.close, rows, k, last, start, count, state, table)
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
    close: Floats, rows: Ints, first: int, last: int, start: int, count: int, state: Floats, table: Floats
) -> None:
    """Write EMAs of eight rows at a time: within a row each bar depends on the one before.

    e_t = e_(t-1) + 2 / (w + 1) * (x_t - e_(t-1)), e_0 = x_0, as pandas' ewm(span=w, adjust=False); x is the close, or
    for MACD the row of an average, of which the result is the distance: x_t - e_t.
    """
    level, weight = np.zeros(LANES), np.zeros(LANES)
    for lane in range(last - first):
        k = first + lane
        source = rows[k, 2] if rows[k, 0] == MACD else -1
        beginning = table[source, 0] if source >= 0 else close[0]
        level[lane] = state[k, 0] if start > 0 else beginning
        weight[lane] = 2.0 / (rows[k, 1] + 1.0)
    if rows[first, 0] == EMA:
        for j in range(count):
            now = close[start + j]
            for lane in range(LANES):
                level[lane] += weight[lane] * (now - level[lane])
            for lane in range(last - first):
                table[first + lane, j] = level[lane]
    else:
        source_rows = np.zeros(LANES, dtype=np.int64)
        for lane in range(LANES):
            source_rows[lane] = rows[min(first + lane, last - 1), 2]
        for j in range(count):
            for lane in range(LANES):
                now = table[source_rows[lane], j]
                level[lane] += weight[lane] * (now - level[lane])
                if lane < last - first:
                    table[first + lane, j] = now - level[lane]
    for lane in range(last - first):
        state[first + lane, 0] = level[lane]


@kernel
def _lag_nb(close: Floats, lag: int, start: int, count: int, row: Floats) -> None:
    """close[t - lag]."""
    j = _blank_nb(row, lag, start, count)
    for i in range(j, count):
        row[i] = close[start + i - lag]


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
    w = float(window)
    for i in range(j, count):
        last = start + i + 1
        first = last - window
        total, rest = difference_nb(sums[0, last], sums[1, last], sums[0, first], sums[1, first])
        squares, squares_rest = difference_nb(sums[2, last], sums[3, last], sums[2, first], sums[3, first])
        scaled, scaled_rest = two_product_nb(squares, w)
        square, square_rest = two_product_nb(total, total)
        spread, spread_rest = two_sum_nb(scaled, -square)
        spread += spread_rest + (scaled_rest + squares_rest * w - square_rest - 2.0 * total * rest)
        product, product_rest = two_product_nb(close[start + i], w)
        distance, distance_rest = difference_nb(product, product_rest, total, rest)
        limit = RETURN * RETURN * total * total
        row[i] = (distance + distance_rest) / np.sqrt(spread) if spread > limit else np.nan


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
