"""Tables of indicators: one row for each distinct setting, shared by all combinations of a symbol."""

import numpy as np
from numpy.typing import NDArray

from backtester.engine.compiling import kernel
from backtester.engine.declaration import Values
from backtester.engine.prices import Floats

def rows_of(values: Values) -> tuple[Values, NDArray[np.int64]]:
    """The distinct settings, and for each combination the number of its row."""
    distinct, rows = np.unique(values, return_inverse=True)
    return distinct, rows.astype(np.int64)


def shared_rows_of(first: Values, second: Values) -> tuple[Values, NDArray[np.int64], NDArray[np.int64]]:
    """The distinct settings of two parameters that share one table, and the row of each combination in it."""
    distinct, rows = rows_of(np.concatenate((first, second)))
    return distinct, rows[: len(first)], rows[len(first) :]


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
        row = out[k]
        row[: min(w - 1, n_bars)] = np.nan
        # mean = ((high[t] - high[t - w]) + (low[t] - low[t - w])) / w, over slices so that the loop is vectorised
        ends, end_rests, count = high[w:], low[w:], float(w)
        tail = row[w - 1 :]
        for t in range(len(ends)):
            tail[t] = ((ends[t] - high[t]) + (end_rests[t] - low[t])) / count
