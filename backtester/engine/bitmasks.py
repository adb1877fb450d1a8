"""Bit masks, one bit a bar and 64 bars a word: compare rows of numbers, and read the bits back."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from backtester.engine.arrays import Floats, Words
from backtester.engine.jit import kernel

WORD = 64
_INT64 = ir.IntType(64)
_VECTOR = ir.VectorType(ir.DoubleType(), 8)


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


def _word_of(builder: Any, masks: list[Any]) -> Any:
    """Put masks of 8 bars each together."""
    word = _INT64(0)
    for number, mask in enumerate(masks):
        bits = builder.bitcast(mask, ir.IntType(_VECTOR.count))
        word = builder.or_(word, builder.shl(builder.zext(bits, _INT64), _INT64(number * _VECTOR.count)))
    return word


def _splat(builder: Any, value: Any) -> Any:
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for number in range(_VECTOR.count):
        vector = builder.insert_element(vector, value, ir.IntType(32)(number))
    return vector


@intrinsic
def _apart_word(typing_context: Any, table: Any, left: Any, right: Any, scale: Any, factor: Any) -> Any:
    """Return the word of `left - right > scale * factor` for 64 bars from three offsets in a C-contiguous table."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, *offsets, factor = arguments
        factors = _splat(builder, factor)
        masks = []
        for bit in range(0, WORD, _VECTOR.count):
            a, b, c = (
                _vector_at(context, builder, signature.args[0], table, builder.add(offset, _INT64(bit)))
                for offset in offsets
            )
            masks.append(builder.fcmp_ordered(">", builder.fsub(a, b), builder.fmul(c, factors)))
        return _word_of(builder, masks)

    return types.uint64(table, types.int64, types.int64, types.int64, types.float64), generate


@intrinsic
def _beyond_word(typing_context: Any, table: Any, at: Any, sign: Any, limit: Any) -> Any:
    """Return the word of `sign * row > limit` for 64 bars from an offset in a C-contiguous table."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, at, sign, limit = arguments
        signs, limits = _splat(builder, sign), _splat(builder, limit)
        masks = []
        for bit in range(0, WORD, _VECTOR.count):
            row = _vector_at(context, builder, signature.args[0], table, builder.add(at, _INT64(bit)))
            masks.append(builder.fcmp_ordered(">", builder.fmul(row, signs), limits))
        return _word_of(builder, masks)

    return types.uint64(table, types.int64, types.float64, types.float64), generate


@intrinsic
def _sum_returns(typing_context: Any, table: Any, at: Any, count: Any, cash: Any, shares: Any, zero: Any) -> Any:
    """Return the sums of r, r ** 2 and min(r, 0) ** 2 of `count` bars of a position, r = equity / equity before - 1.

    at : offset of the first close in a C-contiguous table, with 8 more numbers after the last; zero : losses above it
    are none. Eight partial sums each, added in pairs: the same bits on every processor.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, at, count, cash, shares, zero = arguments
        kind = signature.args[0]
        cash, shares, zero = (_splat(builder, value) for value in (cash, shares, zero))
        none, one = (ir.Constant(_VECTOR, [value] * _VECTOR.count) for value in (0.0, 1.0))
        sums = [cgutils.alloca_once_value(builder, none) for _ in range(3)]  # type: ignore[no-untyped-call]
        width = _INT64(_VECTOR.count)
        lanes = ir.VectorType(_INT64, _VECTOR.count)

        def equity(offset: Any) -> Any:
            return builder.fadd(cash, builder.fmul(shares, _vector_at(context, builder, kind, table, offset)))

        with cgutils.for_range_slice(builder, _INT64(0), count, width, _INT64) as (done, _):
            first = builder.add(at, done)
            r = builder.fsub(builder.fdiv(equity(first), equity(builder.sub(first, _INT64(1)))), one)
            rest = builder.insert_element(ir.Constant(lanes, ir.Undefined), builder.sub(count, done), ir.IntType(32)(0))
            rest = builder.shuffle_vector(rest, rest, ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8))
            is_counted = builder.icmp_signed("<", ir.Constant(lanes, list(range(_VECTOR.count))), rest)
            r = builder.select(is_counted, r, none)
            down = builder.select(builder.fcmp_ordered("<", r, zero), r, none)
            for total, value in zip(sums, (r, builder.fmul(r, r), builder.fmul(down, down)), strict=True):
                builder.store(builder.fadd(builder.load(total), value), total)
        return context.make_tuple(builder, signature.return_type, [_total(builder, total) for total in sums])

    numbers = (types.float64, types.float64, types.float64)
    return types.Tuple(numbers)(table, types.int64, types.int64, *numbers), generate  # type: ignore[no-untyped-call]


def _total(builder: Any, pointer: Any) -> Any:
    """Add the elements of a vector in pairs."""
    vector, count = builder.load(pointer), _VECTOR.count
    while count > 1:
        count //= 2
        upper = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count, 2 * count)))
        lower = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count)))
        vector = builder.fadd(
            builder.shuffle_vector(vector, vector, lower), builder.shuffle_vector(vector, vector, upper)
        )
    return builder.extract_element(vector, ir.IntType(32)(0))


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Load a vector from an offset in the memory of an array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.load(builder.bitcast(builder.gep(data, [at]), _VECTOR.as_pointer()), align=8)


lowest_bit_nb = cast(Callable[[np.uint64], int], _lowest_bit)
greater_word_nb = cast(Callable[[Floats, int, Floats, int, float], np.uint64], _greater_word)
apart_word_nb = cast(Callable[[Floats, int, int, int, float], np.uint64], _apart_word)
beyond_word_nb = cast(Callable[[Floats, int, float, float], np.uint64], _beyond_word)
sum_returns_nb = cast(Callable[[Floats, int, int, float, float, float], tuple[float, float, float]], _sum_returns)
highest_bit_nb = cast(Callable[[np.uint64], int], _highest_bit)


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
