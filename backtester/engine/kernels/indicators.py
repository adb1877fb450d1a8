"""Indicator tables: one row for each distinct setting, shared by all combinations of a symbol."""

import numpy as np

from backtester.engine.arrays import Floats, Ints, Values
from backtester.engine.jit import kernel

EMA_LANES = 8
COUNTABLE = 100_000


def rows_of(values: Values) -> tuple[Values, Ints]:
    """Return the distinct settings in rising order, and the row of each combination."""
    if values.dtype != np.int64 or len(values) == 0 or not 0 <= values.min() <= values.max() < COUNTABLE:
        distinct, rows = np.unique(values, return_inverse=True)
        return distinct, rows.astype(np.int64)
    present = np.zeros(int(values.max()) + 1, dtype=np.int64)  # windows are small numbers: no need to sort
    present[values] = 1
    return np.flatnonzero(present), (np.cumsum(present) - 1)[values]


def shared_rows_of(first: Values, second: Values) -> tuple[Values, Ints, Ints]:
    """Return the distinct settings of two parameters that share a table, and the rows of each combination."""
    distinct, rows = rows_of(np.concatenate((first, second)))
    return distinct, rows[: len(first)], rows[len(first) :]


def sma_table(close: Floats, windows: Ints) -> Floats:
    """Return simple moving averages: float64[n_windows, n_bars], NaN before the window is full."""
    table = np.empty((len(windows), len(close)))
    sma_table_nb(close, windows, table)
    return table


@kernel
def sma_table_nb(close: Floats, windows: Ints, out: Floats) -> None:
    """Write mean(close[t - w + 1 : t + 1]) from prefix sums in two doubles each.

    One double would lose digits of a price that has fallen far below its history; with the rounding error of each
    addition kept as well (Knuth's two-sum), the difference of two prefixes is right to the last digits.
    """
    n_bars = len(close)
    high = np.zeros(n_bars + 1)
    low = np.zeros(n_bars + 1)
    for t in range(n_bars):
        total = high[t] + close[t]
        back = total - high[t]
        low[t + 1] = low[t] + ((high[t] - (total - back)) + (close[t] - back))
        high[t + 1] = total
    for k in range(len(windows)):
        w = windows[k]
        row = out[k]
        row[: min(w - 1, n_bars)] = np.nan
        # mean = ((high[t] - high[t - w]) + (low[t] - low[t - w])) / w, over slices so that the loop is vectorised
        ends, end_rests, count = high[w:], low[w:], float(w)
        tail = row[w - 1 :]
        for t in range(len(ends)):
            tail[t] = ((ends[t] - high[t]) + (end_rests[t] - low[t])) / count


def ema_table(close: Floats, windows: Ints) -> Floats:
    """Return exponential moving averages: float64[n_windows, n_bars], NaN before bar w - 1.

    e_t = e_(t-1) + 2 / (w + 1) * (close_t - e_(t-1)), e_0 = close_0, as pandas' ewm(span=w, adjust=False).
    """
    table = np.empty((len(windows), len(close)))
    ema_table_nb(close, windows, table)
    for row, window in zip(table, windows.tolist(), strict=True):
        row[: window - 1] = np.nan
    return table


@kernel
def ema_table_nb(series: Floats, windows: Ints, out: Floats) -> None:
    """Write EMAs of eight rows at a time: within a row each bar depends on the one before."""
    for first in range(0, len(windows), EMA_LANES):
        n_lanes = min(EMA_LANES, len(windows) - first)
        level = np.full(EMA_LANES, series[0])
        weight = np.zeros(EMA_LANES)
        for lane in range(n_lanes):
            weight[lane] = 2.0 / (windows[first + lane] + 1.0)
        for t in range(len(series)):
            now = series[t]
            for lane in range(EMA_LANES):
                level[lane] += weight[lane] * (now - level[lane])
            for lane in range(n_lanes):
                out[first + lane, t] = level[lane]


def macd_table(close: Floats, windows: Ints, signals: Ints) -> Floats:
    """Return float64[n, n_bars]: EMA(close, w) - EMA(EMA(close, w), s) + highest close so far, for each pair (w, s).

    EMA is linear, so the MACD line is above its signal line exactly where the row of (fast, s) is above that of
    (slow, s). The highest close so far is on both sides: it keeps the rows positive, so that a tie can be relative.
    """
    table = np.empty((len(windows), len(close)))
    line = np.empty((1, len(close)))
    highest = np.maximum.accumulate(close)
    for window in np.unique(windows):
        at = np.flatnonzero(windows == window)
        ema_table_nb(close, windows[at[:1]], line)
        averages = np.empty((len(at), len(close)))
        ema_table_nb(line[0], signals[at], averages)
        np.subtract(line + highest, averages, out=averages)
        for row, k in zip(averages, at.tolist(), strict=True):
            row[: window + signals[k] - 2] = np.nan
        table[at] = averages
    return table


def rsi_table(close: Floats, periods: Ints) -> Floats:
    """Return Wilder's relative strength index 0 .. 100: float64[n_periods, n_bars], NaN before bar `period`.

    The first averages are the plain means of the first `period` changes; no change at all is 50.
    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    table = np.full((len(periods), len(close)), np.nan)
    rsi_table_nb(close, periods, table)
    return table


@kernel
def rsi_table_nb(close: Floats, periods: Ints, out: Floats) -> None:
    n_bars = len(close)
    for k in range(len(periods)):
        period = periods[k]
        up = down = 0.0
        for t in range(1, n_bars):
            change = close[t] - close[t - 1]
            if t <= period:
                up += max(change, 0.0) / period
                down += max(-change, 0.0) / period
            else:
                up += (max(change, 0.0) - up) / period
                down += (max(-change, 0.0) - down) / period
            if t >= period:
                out[k, t] = 100.0 * up / (up + down) if up + down > 0.0 else 50.0


def z_score_table(close: Floats, windows: Ints) -> Floats:
    """Return (close - mean) / population deviation of the last w closes: float64[n_windows, n_bars].

    NaN before the window is full, and where the deviation is only rounding (1e-7 of the price).
    """
    mean = sma_table(close, windows)
    table = sma_table(close * close, windows)  # becomes the variance: mean of squares - square of the mean
    table -= mean * mean
    with np.errstate(invalid="ignore", divide="ignore"):
        table[table <= 1e-14 * mean * mean] = np.nan
        np.divide(close - mean, np.sqrt(table), out=table)
    return table


def extreme_tables(high: Floats, low: Floats, windows: Ints) -> tuple[Floats, Floats]:
    """Return the highest high and lowest low of the w bars *before* each bar, NaN before bar w."""
    highest = np.full((len(windows), len(high)), np.nan)
    lowest = np.full((len(windows), len(low)), np.nan)
    order = np.argsort(windows)
    powers_high, powers_low, power = high, low, 1
    for k in order.tolist():
        window = int(windows[k])
        if window >= len(high):
            continue
        # Two overlapping runs of the largest power of two that fits cover a window.
        while power * 2 <= window:
            powers_high = np.maximum(powers_high[:-power], powers_high[power:])
            powers_low = np.minimum(powers_low[:-power], powers_low[power:])
            power *= 2
        count = len(high) - window
        shift = window - power
        np.maximum(powers_high[:count], powers_high[shift : shift + count], out=highest[k, window:])
        np.minimum(powers_low[:count], powers_low[shift : shift + count], out=lowest[k, window:])
    return highest, lowest


def lag_table(close: Floats, lags: Ints) -> Floats:
    """Return close[t - lag]: float64[n_lags, n_bars], NaN before bar `lag`."""
    table = np.full((len(lags), len(close)), np.nan)
    for row, lag in zip(table, lags.tolist(), strict=True):
        row[lag:] = close[: max(0, len(close) - lag)]
    return table
