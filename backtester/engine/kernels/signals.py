"""Building blocks of signal strategies: crossing, above, over, under, and between two of them."""

from collections.abc import Callable

import numpy as np

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.bitmasks import above_bits_nb, beyond_level_bits_nb, latch_bits_nb, tile_order
from backtester.engine.strategy import SignalBits

Side = Callable[[int, int, Words], None]  # writes the bits of combinations [first, last) into uint64[., n_words]


def crossing(table: Floats, fast: Ints, slow: Ints) -> SignalBits:
    """Return signals: long while the fast row is above the slow row, short while below; a tie is neither.

    table : float64[n_rows, n_bars]; fast, slow : int64[n], rows of each combination
    """
    return SignalBits(rising=above(table, fast, table, slow), falling=above(table, slow, table, fast))


def between(begin: Side, end: Side) -> Side:
    """Hold from a bar on which `begin` holds until one on which `end` does."""

    def side(first: int, last: int, out: Words) -> None:
        ends = np.empty_like(out)
        begin(first, last, out)
        end(first, last, ends)
        latch_bits_nb(out, ends)

    return side


def above(first_table: Floats, first_rows: Ints, second_table: Floats, second_rows: Ints) -> Side:
    """Hold where a row of the first table is above a row of the second; not on a tie."""

    def side(first: int, last: int, out: Words) -> None:
        above, below = first_rows[first:last], second_rows[first:last]
        above_bits_nb(first_table, above, second_table, below, tile_order(above, below), out)

    return side


def over(table: Floats, rows: Ints, levels: Floats) -> Side:
    """Hold where a row is over its combination's level."""

    def side(first: int, last: int, out: Words) -> None:
        beyond_level_bits_nb(table, rows[first:last], levels[first:last], 1.0, out)

    return side


def under(table: Floats, rows: Ints, levels: Floats) -> Side:
    """Hold where a row is under its combination's level."""

    def side(first: int, last: int, out: Words) -> None:
        beyond_level_bits_nb(table, rows[first:last], levels[first:last], -1.0, out)

    return side
