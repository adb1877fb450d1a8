"""Take one combination through the orders of one block."""

import numpy as np

from backtester.engine.arrays import Floats, Words
from backtester.engine.bitmasks import WORD, lowest_bit_nb
from backtester.engine.jit import inline, leaf
from backtester.engine.kernels.block_tables import (
    DAY,
    IN_DOWN,
    IN_R,
    IN_SQUARE,
    OUT_DOWN,
    OUT_R,
    OUT_SQUARE,
    TURN_IN,
    TURN_OUT,
)
from backtester.engine.kernels.book import (
    BEFORE,
    BELOW,
    CASH,
    COST,
    DEPLOYED,
    ENTRY,
    EQUITY,
    PEAK_DAY,
    SHARES,
    SIDE,
    STOP_LOSS,
    SUM_DOWN2,
    SUM_R,
    SUM_R2,
    TAKE_PROFIT,
    TRAILING_STOP,
    WISH,
    Exchange,
    close_nb,
    end_nb,
    mark_cash_nb,
    mark_nb,
    open_nb,
)
from backtester.engine.kernels.holding import add_held_nb, hold_nb, hold_shares_nb
from backtester.engine.kernels.signal_words import CHANGES, LONG, SHORT
from backtester.engine.kernels.stops import first_touch_nb

_NONE, _ONE, _LAST = np.uint64(0), np.uint64(1), np.uint64(WORD - 1)
_TINY = 1e-30  # less equity than this might fall to zero within a block


@leaf
def follow_nb(
    book: Floats, exchange: Exchange, start: int, n: int, points: Floats, turns: Floats, extremes: Floats, words: Words
) -> None:
    """Take a combination through a block: what is decided at the close of point j is filled at point j + 1."""
    has_stops = book[STOP_LOSS] > 0.0 or book[TAKE_PROFIT] > 0.0 or book[TRAILING_STOP] > 0.0
    left = write_changes_nb(words, n, int(book[WISH]), exchange.short)
    if exchange.short or exchange.whole or has_stops or book[EQUITY] < _TINY:
        follow_any_nb(book, exchange, has_stops, left, start, n, points, extremes, words)
    else:
        follow_long_nb(book, left, start, n, points, turns, extremes, words)


@inline
def write_changes_nb(words: Words, n: int, wish: int, has_short: bool) -> np.uint64:
    """Write row CHANGES: the bits on which the requested side is another than on the bar before.

    wish : the side before the block. Returns the bits of the words that have such bits.
    """
    left = _NONE
    up_before, down_before = np.uint64(wish > 0), np.uint64(wish < 0)
    for word in range((n + WORD - 1) // WORD):
        up = words[LONG, word]
        changes = up ^ ((up << _ONE) | up_before)
        up_before = up >> _LAST
        if has_short:
            down = words[SHORT, word]
            changes |= down ^ ((down << _ONE) | down_before)
            down_before = down >> _LAST
        words[CHANGES, word] = changes
        left |= np.uint64(changes != _NONE) << np.uint64(word)
    if n % WORD:
        word = n // WORD
        words[CHANGES, word] &= (_ONE << np.uint64(n % WORD)) - _ONE
        if words[CHANGES, word] == _NONE:
            left &= ~(_ONE << np.uint64(word))
    return left


@inline
def next_change_nb(words: Words, left: np.uint64) -> int:
    word = lowest_bit_nb(left)
    return word * WORD + lowest_bit_nb(words[CHANGES, word])


@inline
def without_next_nb(words: Words, left: np.uint64) -> np.uint64:
    """Clear the next change; return the bits of the words that have more."""
    word = lowest_bit_nb(left)
    rest = words[CHANGES, word]
    rest &= rest - _ONE
    words[CHANGES, word] = rest
    return left & ~(np.uint64(rest == _NONE) << np.uint64(word))


@leaf
def follow_long_nb(
    book: Floats, left: np.uint64, start: int, n: int, points: Floats, turns: Floats, extremes: Floats, words: Words
) -> None:
    """The same where all cash is in a long position, or none: no return needs a division."""
    first, marked = int(np.int64(1)), int(np.int64(0))
    is_held = book[SIDE] > 0.0
    while left != _NONE:
        j = next_change_nb(words, left)
        left = without_next_nb(words, left)
        point = j + 1
        if is_held:
            add_held_nb(book, points, marked, j)
            book[SUM_R] += turns[point, OUT_R]
            book[SUM_R2] += turns[point, OUT_SQUARE]
            book[SUM_DOWN2] += turns[point, OUT_DOWN]
            if j >= first:
                hold_shares_nb(book, points, extremes, first, j)
            end_nb(book, book[SHARES] * turns[point, TURN_OUT], start + point)
            mark_cash_nb(book, points, point)
        else:
            if book[BELOW] == 0.0:
                book[PEAK_DAY] = points[DAY, j]
            book[SUM_R] += turns[point, IN_R]
            book[SUM_R2] += turns[point, IN_SQUARE]
            book[SUM_DOWN2] += turns[point, IN_DOWN]
            cash = book[CASH]
            book[SHARES], book[CASH], book[SIDE] = cash * turns[point, TURN_IN], 0.0, 1.0
            book[BEFORE], book[COST], book[ENTRY] = cash, cash, start + point
            book[DEPLOYED] = max(book[DEPLOYED], cash)
            first = marked = point
        is_held = not is_held
    if is_held:
        add_held_nb(book, points, marked, n)
        hold_shares_nb(book, points, extremes, first, n)
    elif book[BELOW] == 0.0:
        book[PEAK_DAY] = points[DAY, n]
    book[WISH] = book[SIDE]


@leaf
def follow_any_nb(
    book: Floats, exchange: Exchange, has_stops: bool, left: np.uint64, start: int, n: int, points: Floats,
    extremes: Floats, words: Words,
) -> None:  # fmt: skip
    """The same with stops, short positions or cash beside a position."""
    # Held from point `first` on, its return in the sums up to `marked`; no stop was touched before `checked`.
    first, marked, checked = int(np.int64(1)), int(np.int64(0)), int(np.int64(0))
    wish = int(book[WISH])
    while True:
        is_last = left == _NONE
        j = n if is_last else next_change_nb(words, left)
        touched = -1
        if has_stops and book[SIDE] != 0.0:
            touched = first_touch_nb(book, extremes, checked, j - 1)
        order = 0
        if touched >= 0:  # left before the signal changes; nothing is bought until then
            j = touched
        elif not is_last:
            left = without_next_nb(words, left)
            word, bit = j // WORD, np.uint64(j & 63)
            wish = int(np.int64((words[LONG, word] >> bit) & _ONE))
            if exchange.short:
                wish -= int(np.int64((words[SHORT, word] >> bit) & _ONE))
            order = wish
        checked = j + 1
        if is_last or book[SIDE] != 0.0 or (order != 0 and book[CASH] > 0.0):
            hold_nb(book, points, extremes, first, marked, j, start)
            if is_last and touched < 0:
                break
            first, marked = j + 1, j
            if turn_nb(book, exchange, points, order, j + 1, start):
                marked = j + 1
                if book[SIDE] == 0.0:
                    first = j + 2
    book[WISH] = wish


@inline
def turn_nb(book: Floats, exchange: Exchange, points: Floats, wish: int, point: int, start: int) -> bool:
    """Fill a decision at a point; return whether there was an order."""
    is_ordered = False
    if book[SIDE] != 0.0:
        close_nb(book, points, point, start + point)
        is_ordered = True
    if wish != 0 and book[CASH] > 0.0 and open_nb(book, exchange, points, wish, point, start + point):
        is_ordered = True
    if is_ordered:
        mark_nb(book, points, point, start)
    return is_ordered
