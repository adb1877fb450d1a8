"""One bit a bar, 64 bars a word: comparing rows of numbers into bits, and reading bits back."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from backtester.engine.compiling import kernel
from backtester.engine.declaration import Words
from backtester.engine.prices import Floats

TIE = 1e-10  # prices have few decimals: averages can be exactly equal, and rounding must not decide then
ROUNDING = 1e-9
WORD = 64
_STRIP = 4  # words of all rows that are compared before the next strip, so that a few hundred rows stay in cache


def words_for(n_bars: int) -> int:
    """How many 64-bit words hold one bit a bar."""
    return (n_bars + WORD - 1) // WORD


@intrinsic
def _lowest_bit(typing_context: Any, word: Any) -> Any:
    """The number of the lowest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _highest_bit(typing_context: Any, word: Any) -> Any:
    """The number of the highest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(ir.IntType(64), 63), zeros)

    return types.int64(types.uint64), generate


lowest_bit_nb = cast(Callable[[np.uint64], int], _lowest_bit)
highest_bit_nb = cast(Callable[[np.uint64], int], _highest_bit)


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


@kernel
def beyond_level_bits_nb(table: Floats, rows: NDArray[np.int64], levels: Floats, sign: float, out: Words) -> None:
    """Where a row lies above its level (sign 1.0), or below it (sign -1.0), by more than rounding; NaN never does.

    table : float64[n_rows, n_bars] of numbers around 1 to 100; rows : int64[n]; levels : float64[n]; out : uint64[n, .]
    """
    n_bars = table.shape[1]
    for c in range(len(rows)):
        row = table[rows[c]]
        limit = sign * levels[c] + ROUNDING
        for word in range(out.shape[1]):
            bits = np.uint64(0)
            start = np.uint64(word * WORD)
            if (word + 1) * WORD <= n_bars:
                for j in range(np.uint64(0), np.uint64(WORD)):
                    bits |= np.uint64(sign * row[start + j] > limit) << j
            else:
                for j in range(np.uint64(0), np.uint64(n_bars) - start):
                    bits |= np.uint64(sign * row[start + j] > limit) << j
            out[c, word] = bits


@kernel
def latch_bits_nb(begin: Words, end: Words) -> None:
    """`begin` becomes: set from a bar that begins until a bar that ends, which is itself clear.

    begin, end : uint64[n, n_words]

    Within a word, adding the begins to the run of bars that do not end carries each begin to the end of its run; what
    the carry has flipped is the state. One addition does 64 bars.
    """
    for c in range(begin.shape[0]):
        state = np.uint64(0)
        for word in range(begin.shape[1]):
            stay = ~end[c, word]
            on = (begin[c, word] | state) & stay
            on |= ((stay + on) ^ stay) & stay
            begin[c, word] = on
            state = on >> np.uint64(63)


@kernel
def sign_bits_nb(targets: Floats, rising: Words, falling: Words) -> None:
    """Targets float64[n_bars] above zero into `rising`, below zero into `falling`, uint64[n_words] each."""
    n_bars = len(targets)
    for word in range(len(rising)):
        up = down = np.uint64(0)
        start = np.uint64(word * WORD)
        for j in range(np.uint64(0), min(np.uint64(WORD), np.uint64(n_bars) - start)):
            up |= np.uint64(targets[start + j] > 0.0) << j
            down |= np.uint64(targets[start + j] < 0.0) << j
        rising[word] = up
        falling[word] = down
