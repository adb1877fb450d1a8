"""Signal strategies: all combinations of a tile go through one block of bars before the next block comes.

A block's tables stay in the second-level cache while all combinations read them; what a combination carries from block
to block is its book. The bits of a result depend on the series and the combination only, not on its tile or slice.
"""

from typing import NamedTuple

import numpy as np

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.bitmasks import WORD
from backtester.engine.jit import kernel, leaf
from backtester.engine.kernels.block_tables import (
    LEVELS,
    N_EXTREMES,
    N_POINT_ROWS,
    N_TURNS,
    POINTS,
    fill_extremes_nb,
    fill_points_nb,
    fill_turns_nb,
    table_nb,
)
from backtester.engine.kernels.book import (
    EQUITY,
    LEFT,
    LONGEST,
    N_BOOK,
    PEAK,
    SHARES,
    STOP_LOSS,
    SUM_DOWN2,
    SUM_R,
    SUM_R2,
    TAKE_PROFIT,
    TRAILING_STOP,
    TROUGH,
    Calendar,
    Exchange,
    begin_nb,
    finish_nb,
    write_book_nb,
)
from backtester.engine.kernels.follow import follow_nb
from backtester.engine.kernels.indicator_rows import ROW, Market, fill_rows_nb
from backtester.engine.kernels.signal_words import N_SIDES, N_WORDS, Signals, choice_nb, decide_nb

R_SUM, SQUARE_SUM, EQUITY_AT, DOWN_SUM, PEAK_WITHIN, TROUGH_WITHIN, FALL_WITHIN, EXPOSURE_AT = range(8)
N_SUMS, N_RETURN_SUMS = 8, 3  # the first ones are enough for Sharpe ratios


class Plan(NamedTuple):
    """cuts : int64, rising bars from 0 to n_bars - 1 at which blocks end, no more than BLOCK apart
    edges : int64[T + 1], the bars with which the sums of each part begin, and the end of the last; empty without
    """

    cuts: Ints
    edges: Ints


@kernel
def run_signals_nb(
    market: Market, exchange: Exchange, calendar: Calendar, signals: Signals, plan: Plan, columns: Ints, out: Floats,
    sums: Floats,
) -> None:  # fmt: skip
    """Write the metrics of the tile's combinations to the given columns of `out` float64[n_metrics, .].

    sums : float64[N_SUMS or N_RETURN_SUMS, T + 1, .] to write the sums between edges to, see `flush_nb`
    """
    close, fill, days = market.close, market.fill, market.days
    rows, stops, cuts, edges = signals.rows, signals.stops, plan.cuts, plan.edges
    n_bars, n = len(close), len(columns)
    books = table_nb(n, N_BOOK)
    for c in range(n):
        begin_nb(books[c], exchange.capital, days[0])
        books[c, STOP_LOSS], books[c, TAKE_PROFIT], books[c, TRAILING_STOP] = stops[c, 0], stops[c, 1], stops[c, 2]
    table, state = table_nb(len(rows), ROW), np.zeros((len(rows), 2))
    points, turns = np.zeros((N_POINT_ROWS, POINTS)), table_nb(POINTS, N_TURNS)
    extremes = table_nb(LEVELS * POINTS, N_EXTREMES)
    words = np.zeros((N_SIDES, N_WORDS), dtype=np.uint64)
    edge = 0
    for number in range(len(cuts) - 1):
        start, last = cuts[number], cuts[number + 1]
        while edge < len(edges) and edges[edge] <= start + 1:
            flush_nb(books, close[start], edge, columns, sums)
            edge += 1
        fill_points_nb(close, fill, days, exchange.fees, exchange.slippage, start, last, points)
        fill_turns_nb(points, last - start + 1, turns)
        fill_extremes_nb(points, last - start + 1, extremes)
        fill_rows_nb(market, rows, start, last - start, state, table)
        run_block_nb(books, exchange, signals, start, last - start, points, turns, extremes, table, words)
    if edge < len(edges):
        flush_nb(books, close[n_bars - 1], edge, columns, sums)
    for c in range(n):
        finish_nb(books[c], days[n_bars - 1], n_bars - 1)
        write_book_nb(books[c], calendar, exchange.capital, n_bars, out, columns[c])


@leaf
def run_block_nb(
    books: Floats, exchange: Exchange, signals: Signals, start: int, n: int, points: Floats, turns: Floats,
    extremes: Floats, table: Floats, words: Words,
) -> None:  # fmt: skip
    """Take all combinations through a block of n bars that begins with a bar."""
    for c in range(len(books)):
        choice = choice_nb(signals.kind, signals.begins, signals.row_of, signals.levels, signals.ready, c)
        book = books[c]
        decide_nb(book, exchange, choice, start, n, table, signals.bits, words)
        follow_nb(book, exchange, start, n, points, turns, extremes, words)


@kernel
def write_bits_nb(market: Market, exchange: Exchange, signals: Signals, plan: Plan, out: Words) -> None:
    """Write what is requested at each close, without stops: uint64[2, n, n_words], the long and the short side."""
    rows, row_of, levels, bits = signals.rows, signals.row_of, signals.levels, signals.bits
    ready, cuts = signals.ready, plan.cuts
    books, words = np.zeros((out.shape[1], N_BOOK)), np.zeros((N_SIDES, N_WORDS), dtype=np.uint64)
    table, state = table_nb(len(rows), ROW), np.zeros((len(rows), 2))
    for number in range(len(cuts) - 1):
        start, last = cuts[number], cuts[number + 1]
        fill_rows_nb(market, rows, start, last - start, state, table)
        for c in range(out.shape[1]):
            choice = choice_nb(signals.kind, signals.begins, row_of, levels, ready, c)
            decide_nb(books[c], exchange, choice, start, last - start, table, bits, words)
            for word in range((last - start + WORD - 1) // WORD):
                for side in range(2):
                    out[side, c, start // WORD + word] = words[side, word]


@leaf
def flush_nb(books: Floats, close: float, edge: int, columns: Ints, sums: Floats) -> None:
    """At an edge, write the sums since the edge before, and begin anew.

    sums : float64[., T + 1, .], combinations last, because those of a tile are written one after the other. Edge k + 1
    holds the sums of part k; of edge 0 only the equity and the exposure count.
    """
    for c in range(len(books)):
        book, column = books[c], columns[c]
        equity = book[EQUITY]
        sums[R_SUM, edge, column] = book[SUM_R]
        sums[SQUARE_SUM, edge, column] = book[SUM_R2]
        sums[EQUITY_AT, edge, column] = equity
        if len(sums) > N_RETURN_SUMS:
            sums[DOWN_SUM, edge, column] = book[SUM_DOWN2]
            sums[PEAK_WITHIN, edge, column] = book[PEAK]
            sums[TROUGH_WITHIN, edge, column] = book[TROUGH]
            sums[FALL_WITHIN, edge, column] = book[LEFT] - 1.0
            sums[EXPOSURE_AT, edge, column] = book[SHARES] * close / equity if equity > 0.0 else 0.0
            # A search for new peaks and falls in each part, only if requested. The metrics of such a run mean nothing,
            # and nothing is searched for a drawdown longer than this.
            book[PEAK] = book[TROUGH] = equity
            book[LEFT], book[LONGEST] = 1.0, np.inf
        book[SUM_R] = book[SUM_R2] = book[SUM_DOWN2] = 0.0
