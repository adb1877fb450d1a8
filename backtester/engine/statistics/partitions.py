"""Cut a series into equal parts, and the sums of returns over parts into Sharpe ratios."""

import numpy as np

from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.jit import inline, kernel
from backtester.engine.statistics.sharpe import FLAT
from backtester.engine.tolerance import VARIANCE


def equal_edges(n: int, parts: int) -> Ints:
    """Return int64[parts + 1], the edges of equal parts of n bars; the first n mod parts are one bar longer."""
    size, longer = divmod(n, parts)
    numbers = np.arange(parts + 1)
    return numbers * size + np.minimum(numbers, longer)


@inline
def sharpe_of_sums_nb(n: float, total: float, squares: float) -> float:
    """Return mean over deviation (ddof 1) of n returns with these sums.

    0 where they do not vary: holding nothing earns nothing.
    """
    if n < 2.0:
        return 0.0
    mean = total / n
    variance = (squares - total * mean) / (n - 1.0)
    if variance <= max(VARIANCE * (squares / n), FLAT):
        return 0.0
    sharpe: float = mean / np.sqrt(variance)
    return sharpe


def sharpe_of_sums(n: Floats, sums: Floats, squares: Floats) -> Floats:
    """Return the same of arrays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums / n
        variance = (squares - sums * mean) / (n - 1.0)
        sharpe = mean / np.sqrt(variance)
    varies = (n >= 2.0) & (variance > np.maximum(VARIANCE * (squares / np.maximum(n, 1.0)), FLAT))
    return np.where(varies, sharpe, 0.0)


@kernel
def best_in_nb(
    scale: float, n: float, sums: Floats, sums_before: Floats, squares: Floats, squares_before: Floats, included: Bools
) -> tuple[float, int]:
    """Return the highest Sharpe ratio of some rows over n bars, and the first row that has it; -inf and 0 if none has.

    sums, squares : float64[rows], up to the last of the bars; before : up to the first; included : bool[rows]
    """
    best, top = -np.inf, 0
    for row in range(len(sums)):
        total, squared = sums[row] - sums_before[row], squares[row] - squares_before[row]
        value = scale * sharpe_of_sums_nb(n, total, squared)
        if included[row] and value > best and value < np.inf:
            best, top = value, row
    return best, top
