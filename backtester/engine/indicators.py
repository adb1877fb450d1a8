"""Tables of indicators: one row for each distinct setting, shared by all combinations of a symbol."""

import numpy as np
from numpy.typing import NDArray

from backtester.engine.compiling import kernel
from backtester.engine.declaration import Values, Words
from backtester.engine.prices import Floats

TIE = 1e-10  # prices have few decimals: averages can be exactly equal, and rounding must not decide then


def rows_of(values: Values) -> tuple[Values, NDArray[np.int64]]:
    """The distinct settings, and for each combination the number of its row."""
    distinct, rows = np.unique(values, return_inverse=True)
    return distinct, rows.astype(np.int64)


def shared_rows_of(first: Values, second: Values) -> tuple[Values, NDArray[np.int64], NDArray[np.int64]]:
    """The distinct settings of two parameters that share one table, and the row of each combination in it."""
    distinct, rows = rows_of(np.concatenate((first, second)))
    return distinct, rows[: len(first)], rows[len(first) :]


def words_for(n_bars: int) -> int:
    """How many 64-bit words hold one bit a bar."""
    return (n_bars + 63) // 64


def sma_table(close: Floats, windows: NDArray[np.int64]) -> Floats:
    """Simple moving averages: float64[n_windows, n_bars], NaN before the window is full."""
    table = np.empty((len(windows), len(close)))
    sma_table_nb(close, windows, table)
    return table


@kernel
def sma_table_nb(close: Floats, windows: NDArray[np.int64], out: Floats) -> None:
    """mean(close[t - w + 1 : t + 1]) from prefix sums held in two doubles each.

    One double would lose the digits of a price that has fallen far below its own history; with the rounding error of
    each addition kept aside (Knuth's two-sum), the difference of two prefixes is right to the last digits.
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
        out[k, : min(w - 1, n_bars)] = np.nan
        for t in range(w - 1, n_bars):
            out[k, t] = ((high[t + 1] - high[t + 1 - w]) + (low[t + 1] - low[t + 1 - w])) / w


@kernel
def above_bits_nb(
    table: Floats, first_row: NDArray[np.int64], second_row: NDArray[np.int64], first_bits: Words, second_bits: Words
) -> None:
    """Two bits a bar: `first` row above the `second` row, and the other way round; a tie is neither.

    table : float64[n_rows, n_bars]; rows : int64[n]; bits : uint64[n, n_words]. NaN is never above anything.
    """
    n_bars = table.shape[1]
    for c in range(len(first_row)):
        a = table[first_row[c]]
        b = table[second_row[c]]
        for word in range(first_bits.shape[1]):
            start = word * 64
            first = np.uint64(0)
            second = np.uint64(0)
            for j in range(min(64, n_bars - start)):
                bit = np.uint64(1) << np.uint64(j)
                x = a[start + j]
                y = b[start + j]
                first |= bit if x > y * (1.0 + TIE) else np.uint64(0)
                second |= bit if y > x * (1.0 + TIE) else np.uint64(0)
            first_bits[c, word] = first
            second_bits[c, word] = second
