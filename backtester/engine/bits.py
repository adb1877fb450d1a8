"""One bit a bar, 64 bars a word: comparing rows of numbers into bits, and reading bits back."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from backtester.engine.compiling import kernel
from backtester.engine.declaration import Words
from backtester.engine.prices import Floats

TIE = 1e-10  # prices have few decimals: averages can be exactly equal, and rounding must not decide then
WORD = 64
_STRIP = 4  # words of all rows that are compared before the next strip: 2 KB a row, so that a few hundred stay in cache


def words_for(n_bars: int) -> int:
    """How many 64-bit words hold one bit a bar."""
    return (n_bars + WORD - 1) // WORD


@intrinsic
def lowest_bit_nb(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
    """The number of the lowest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def highest_bit_nb(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
    """The number of the highest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(ir.IntType(64), 63), zeros)

    return types.int64(types.uint64), generate


@kernel
def above_bits_nb(
    first: Floats, first_row: NDArray[np.int64], second: Floats, second_row: NDArray[np.int64], out: Words
) -> None:
    """Where row `first_row[c]` of `first` is above row `second_row[c]` of `second`; a tie is not above, NaN never is.

    first, second : float64[n_rows, n_bars], zero or above; rows : int64[n]; out : uint64[n, n_words]
    """
    n_bars = first.shape[1]
    n_full = n_bars // WORD
    for strip in range(0, out.shape[1], _STRIP):
        for c in range(len(first_row)):
            a = first[first_row[c]]
            b = second[second_row[c]]
            for word in range(strip, min(strip + _STRIP, n_full)):
                bits = np.uint64(0)
                start = np.uint64(word * WORD)
                for j in range(np.uint64(0), np.uint64(WORD)):
                    bits |= np.uint64(a[start + j] > b[start + j] * (1.0 + TIE)) << j
                out[c, word] = bits
            if strip <= n_full < strip + _STRIP and n_full < out.shape[1]:
                bits = np.uint64(0)
                for t in range(n_full * WORD, n_bars):
                    bits |= np.uint64(a[t] > b[t] * (1.0 + TIE)) << np.uint64(t - n_full * WORD)
                out[c, n_full] = bits
