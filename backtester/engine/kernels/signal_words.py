"""What signal strategies request on the bars of one block, as words of bits."""

from typing import NamedTuple

import numpy as np

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.bitmasks import WORD, apart_word_nb, beyond_word_nb, greater_word_nb
from backtester.engine.jit import leaf
from backtester.engine.kernels.block_tables import BLOCK
from backtester.engine.kernels.book import LATCH, Exchange
from backtester.engine.kernels.indicator_rows import ROW
from backtester.engine.tolerance import TIE

CROSS, APART, LEVEL, CHANNEL, BITS = range(5)
N_WORDS = BLOCK // WORD
LONG, SHORT, CHANGES = range(3)  # rows of the words of a block, uint64[N_SIDES, N_WORDS]
N_SIDES = 3
_NONE, _ALL = np.uint64(0), ~np.uint64(0)


class Signals(NamedTuple):
    """What the combinations of a tile decide from; see the functions of `signals`.

    kind : CROSS, long while row a is above row b; APART, the same for rows around zero, with row c as their scale;
        LEVEL, from where row a is beyond a level until it is beyond another; CHANNEL, from where the close is beyond
        row a until it is beyond row b, for shorts rows c and d; BITS, as the bits say
    rows : int64[n_rows, 3], see `fill_rows_nb`; row_of : int64[n, 4], the rows a to d of each combination
    levels : float64[n, 4], the limits that begin and end a long and a short; begins : 1.0, a long begins above its
        level, -1.0, below
    ready : int64[n], the first bar that decides; stops : float64[n, 3], loss, gain and trail, 0 is off
    bits : uint64[2, n, n_words], the long and the short side
    """

    kind: int
    rows: Ints
    row_of: Ints
    levels: Floats
    begins: float
    ready: Ints
    stops: Floats
    bits: Words


class Choice(NamedTuple):
    """One combination of `Signals`, as numbers: Numba counts the references to arrays in a tuple, which costs time.

    a, b, c, d : offsets of its rows
    """

    kind: int
    number: int
    a: int
    b: int
    c: int
    d: int
    long_begin: float
    long_end: float
    short_begin: float
    short_end: float
    begins: float
    ready: int


@leaf
def choice_nb(kind: int, begins: float, row_of: Ints, levels: Floats, ready: Ints, c: int) -> Choice:
    return Choice(
        kind, c, row_of[c, 0] * ROW, row_of[c, 1] * ROW, row_of[c, 2] * ROW, row_of[c, 3] * ROW,
        levels[c, 0], levels[c, 1], levels[c, 2], levels[c, 3], begins, ready[c],
    )  # fmt: skip


@leaf
def decide_nb(
    book: Floats, exchange: Exchange, choice: Choice, start: int, n: int, table: Floats, bits: Words, words: Words
) -> None:
    """Write the words of the bars of a block that are requested long, and short; long wins."""
    if exchange.long:
        write_words_nb(book, choice, LONG, start, n, table, bits, words)
    if exchange.short:
        write_words_nb(book, choice, SHORT, start, n, table, bits, words)
        for word in range(N_WORDS):
            words[SHORT, word] &= ~words[LONG, word]


@leaf
def write_words_nb(
    book: Floats, choice: Choice, side: int, start: int, n: int, table: Floats, bits: Words, out: Words
) -> None:
    """Write the words of the bars of a block on which a side is requested: row `side`."""
    n_words = (n + WORD - 1) // WORD
    if choice.kind == CROSS:
        above, below = (choice.a, choice.b) if side == LONG else (choice.b, choice.a)
        for word in range(n_words):
            out[side, word] = greater_word_nb(table, above + word * WORD, table, below + word * WORD, 1.0 + TIE)
    elif choice.kind == APART:
        above, below = (choice.a, choice.b) if side == LONG else (choice.b, choice.a)
        for word in range(n_words):
            at = word * WORD
            out[side, word] = apart_word_nb(table, above + at, below + at, choice.c + at, TIE)
    elif choice.kind == BITS:
        for word in range(n_words):
            out[side, word] = _bits_nb(bits, side, choice.number, start + word * WORD)
    else:
        _write_latched_nb(book, choice, side, n, table, out)
    early = choice.ready - start
    for word in range(min((early + WORD - 1) // WORD, n_words) if early > 0 else 0):
        out[side, word] &= _ALL << np.uint64(early - word * WORD) if early - word * WORD < WORD else _NONE
    if n & 63:
        out[side, n_words - 1] &= (np.uint64(1) << np.uint64(n & 63)) - np.uint64(1)


@leaf
def _write_latched_nb(book: Floats, choice: Choice, side: int, n: int, table: Floats, out: Words) -> None:
    sign = choice.begins if side == LONG else -choice.begins
    begin = choice.long_begin if side == LONG else choice.short_begin
    end = choice.long_end if side == LONG else choice.short_end
    state = book[LATCH + side]
    for word in range((n + WORD - 1) // WORD):
        at = word * WORD
        if choice.kind == LEVEL:
            on = beyond_word_nb(table, choice.a + at, sign, begin)
            off = beyond_word_nb(table, choice.a + at, -sign, end)
        elif side == LONG:
            on = greater_word_nb(table, at, table, choice.a + at, 1.0 + TIE)
            off = greater_word_nb(table, choice.b + at, table, at, 1.0 + TIE)
        else:
            on = greater_word_nb(table, choice.c + at, table, at, 1.0 + TIE)
            off = greater_word_nb(table, at, table, choice.d + at, 1.0 + TIE)
        on = latched_nb(on, off, state)
        state = float((on >> np.uint64(min(n - at, WORD) - 1)) & np.uint64(1))
        out[side, word] = on
    book[LATCH + side] = state


@leaf
def latched_nb(begin: np.uint64, end: np.uint64, state: float) -> np.uint64:
    """Set from each bar that begins until a bar that ends, which is itself clear.

    Adding the begins to the run of bars that do not end carries each begin to the end of its run; the bits flipped by
    the carry are the state. One addition does 64 bars.
    """
    stay = ~end
    on = (begin | np.uint64(state)) & stay
    return on | (((stay + on) ^ stay) & stay)


@leaf
def _bits_nb(words: Words, side: int, number: int, start: int) -> np.uint64:
    """64 bits from a bar on."""
    word, shift = start >> 6, np.uint64(start & 63)
    bits: np.uint64 = words[side, number, word] >> shift
    if shift != _NONE and word + 1 < words.shape[2]:
        bits |= words[side, number, word + 1] << (np.uint64(64) - shift)
    return bits
