"""Bit masks, one bit a bar and 64 bars a word: compare rows of numbers, and read the bits back."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.jit import kernel

TIE = 1e-10  # prices have few decimals, so averages can be exactly equal: rounding must not decide then
ROUNDING = 1e-9
WORD = 64
_INT64 = ir.IntType(64)
_VECTOR = ir.VectorType(ir.DoubleType(), 8)
_STRIP = 8  # words that are compared before the next strip of bars: a cache line of `out`
_TILE = 32  # rows of each side that are compared with each other before the next: a strip of them stays in cache


def words_for(n_bars: int) -> int:
    """Return the number of words that hold one bit a bar."""
    return (n_bars + WORD - 1) // WORD


@intrinsic
def _lowest_bit(typing_context: Any, word: Any) -> Any:
    """Return the position of the lowest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def _highest_bit(typing_context: Any, word: Any) -> Any:
    """Return the position of the highest set bit; undefined for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(ir.IntType(64), 63), zeros)

    return types.int64(types.uint64), generate


@intrinsic
def _greater_word(typing_context: Any, left: Any, left_at: Any, right: Any, right_at: Any, factor: Any) -> Any:
    """Return the word of `left > right * factor` for 64 bars from the given offsets; left, right : C-contiguous.

    Written with vectors: of a loop over bits the compiler makes many more instructions.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, left_at, right, right_at, factor = arguments
        factors = ir.Constant(_VECTOR, ir.Undefined)
        for number in range(_VECTOR.count):
            factors = builder.insert_element(factors, factor, ir.IntType(32)(number))
        word = _INT64(0)
        for bit in range(0, WORD, _VECTOR.count):
            a = _vector_at(context, builder, signature.args[0], left, builder.add(left_at, _INT64(bit)))
            b = _vector_at(context, builder, signature.args[2], right, builder.add(right_at, _INT64(bit)))
            mask = builder.bitcast(builder.fcmp_ordered(">", a, builder.fmul(b, factors)), ir.IntType(_VECTOR.count))
            word = builder.or_(word, builder.shl(builder.zext(mask, _INT64), _INT64(bit)))
        return word

    return types.uint64(left, types.int64, right, types.int64, types.float64), generate


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Load a vector from an offset in the memory of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.load(builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()), align=8)


lowest_bit_nb = cast(Callable[[np.uint64], int], _lowest_bit)
greater_word_nb = cast(Callable[[Floats, int, Floats, int, float], np.uint64], _greater_word)
highest_bit_nb = cast(Callable[[np.uint64], int], _highest_bit)


def tile_order(first_row: Ints, second_row: Ints) -> Ints:
    """Return 0 .. n - 1 ordered so that combinations of the same few rows are neighbors; rows : int64[n] each."""
    return np.argsort((first_row // _TILE << 32) + second_row // _TILE, kind="stable")


@kernel
def above_bits_nb(first: Floats, first_row: Ints, second: Floats, second_row: Ints, order: Ints, out: Words) -> None:
    """Set the bits where row `first_row[c]` of `first` is above row `second_row[c]` of `second`. Ties and NaN are not.

    first, second : float64[n_rows, n_bars], zero or above; rows : int64[n]; out : uint64[n, n_words]
    order : int64[n], the order of the combinations, see `tile_order`
    """
    n_bars = first.shape[1]
    n_full = n_bars // WORD
    for strip in range(0, n_full, _STRIP):
        for c in order:
            a, b = first_row[c] * n_bars, second_row[c] * n_bars
            for word in range(strip, min(strip + _STRIP, n_full)):
                out[c, word] = greater_word_nb(first, a + word * WORD, second, b + word * WORD, 1.0 + TIE)
    if n_full < out.shape[1]:
        for c in range(len(first_row)):
            bits = np.uint64(0)
            for t in range(n_full * WORD, n_bars):
                above = first[first_row[c], t] > second[second_row[c], t] * (1.0 + TIE)
                bits |= np.uint64(above) << np.uint64(t - n_full * WORD)
            out[c, n_full] = bits


@kernel
def beyond_level_bits_nb(table: Floats, rows: Ints, levels: Floats, sign: float, out: Words) -> None:
    """Set the bits where a row is above its level (sign 1.0), or below it (sign -1.0), beyond rounding; NaN is not.

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
    """Set `begin` from each bar that begins until a bar that ends, which is itself clear.

    begin, end : uint64[n, n_words]

    Within a word, adding the begins to the run of bars that do not end carries each begin to the end of its run; the
    bits flipped by the carry are the state. One addition does 64 bars.
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
    """Set `rising` where targets float64[n_bars] are above zero, `falling` where below; uint64[n_words] each."""
    n_bars = len(targets)
    for word in range(len(rising)):
        up = down = np.uint64(0)
        start = np.uint64(word * WORD)
        for j in range(np.uint64(0), min(np.uint64(WORD), np.uint64(n_bars) - start)):
            up |= np.uint64(targets[start + j] > 0.0) << j
            down |= np.uint64(targets[start + j] < 0.0) << j
        rising[word] = up
        falling[word] = down
