"""Sums in two doubles each, about 32 digits, so that a difference of two long sums is right to the last digit.

Sources: D. E. Knuth, The Art of Computer Programming 2, 4.2.2 (two-sum); T. J. Dekker, A floating-point technique for
extending the available precision, 1971 (two-product).
"""

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import inline, kernel

_HALVES = 134_217_729.0  # 2 ** 27 + 1, cuts the digits of a double into halves


@inline
def two_sum_nb(a: float, b: float) -> tuple[float, float]:
    """The rounded sum, and what the rounding has left."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


@inline
def two_product_nb(a: float, b: float) -> tuple[float, float]:
    """The rounded product, and what the rounding has left."""
    product = a * b
    a_high = a * _HALVES
    a_high = a_high - (a_high - a)
    b_high = b * _HALVES
    b_high = b_high - (b_high - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


@inline
def difference_nb(high: float, low: float, less_high: float, less_low: float) -> tuple[float, float]:
    """high + low - less_high - less_low, in two doubles."""
    total, rest = two_sum_nb(high, -less_high)
    return two_sum_nb(total, rest + (low - less_low))


@kernel
def prefix_sums_nb(series: Floats) -> Floats:
    """float64[n_bars + 1, 4]: sum and rest, sum of squares and rest, of the values before each bar."""
    sums = np.zeros((len(series) + 1, 4))
    for t in range(len(series)):
        total, rest = two_sum_nb(sums[t, 0], series[t])
        sums[t + 1, 0], sums[t + 1, 1] = two_sum_nb(total, rest + sums[t, 1])
        square, square_rest = two_product_nb(series[t], series[t])
        total, rest = two_sum_nb(sums[t, 2], square)
        sums[t + 1, 2], sums[t + 1, 3] = two_sum_nb(total, rest + (sums[t, 3] + square_rest))
    return sums


@inline
def spread_nb(sums: Floats, first: int, last: int) -> tuple[float, float, float]:
    """Of w values `first` .. `last` - 1: sum, its rest, and w * sum of squares - square of the sum.

    The last is w ** 2 times the population variance; both of its parts may agree in all sixteen digits of a double.
    """
    total, rest = difference_nb(sums[last, 0], sums[last, 1], sums[first, 0], sums[first, 1])
    squares, squares_rest = difference_nb(sums[last, 2], sums[last, 3], sums[first, 2], sums[first, 3])
    count = float(last - first)
    scaled, scaled_rest = two_product_nb(squares, count)
    square, square_rest = two_product_nb(total, total)
    spread, spread_rest = two_sum_nb(scaled, -square)
    return total, rest, spread + (spread_rest + (scaled_rest + squares_rest * count - square_rest - 2.0 * total * rest))
