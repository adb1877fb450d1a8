"""The few forms that most trading signals have, from rows of indicators to bits."""

from collections.abc import Callable

import numpy as np

from backtester.engine.bitmasks import Rows, above_bits_nb, beyond_level_bits_nb, latch_bits_nb, tile_order
from backtester.engine.prices import Floats
from backtester.engine.strategy import SignalBits, Words

Side = Callable[[int, int, Words], None]  # writes the bits of combinations [first, last) into uint64[., n_words]


def crossing(table: Floats, fast: Rows, slow: Rows) -> SignalBits:
    """Long while the fast row is above the slow row, short while it is below; a tie is neither.

    table : float64[n_rows, n_bars]; fast, slow : int64[n], rows of each combination
    """

    return SignalBits(rising=above(table, fast, table, slow), falling=above(table, slow, table, fast))


def between(begin: Side, end: Side) -> Side:
    """From a bar on which `begin` holds until a bar on which `end` does."""

    def side(first: int, last: int, out: Words) -> None:
        ends = np.empty_like(out)
        begin(first, last, out)
        end(first, last, ends)
        latch_bits_nb(out, ends)

    return side


def above(first_table: Floats, first_rows: Rows, second_table: Floats, second_rows: Rows) -> Side:
    """Where a row of the first table is above a row of the second; a tie is not."""

    def side(first: int, last: int, out: Words) -> None:
        above, below = first_rows[first:last], second_rows[first:last]
        above_bits_nb(first_table, above, second_table, below, tile_order(above, below), out)

    return side


def over(table: Floats, rows: Rows, levels: Floats) -> Side:
    """Where a row is over a level of its combination."""

    def side(first: int, last: int, out: Words) -> None:
        beyond_level_bits_nb(table, rows[first:last], levels[first:last], 1.0, out)

    return side


def under(table: Floats, rows: Rows, levels: Floats) -> Side:
    """Where a row is under a level of its combination."""

    def side(first: int, last: int, out: Words) -> None:
        beyond_level_bits_nb(table, rows[first:last], levels[first:last], -1.0, out)

    return side
