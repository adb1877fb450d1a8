"""Cut a batch into chunks of one series each (a symbol in a timeframe), sized by work.

Series are interleaved, so that early results are typical of the whole.
"""

import math
from collections.abc import Iterator, Sequence

from django.conf import settings

from backtester.engine import Grid, Strategy
from batches.models import ResultChunk

MIN_CHUNKS = 16  # of a batch too small for full chunks: enough for a progress bar that moves and for all cores
MIN_CHUNK_S = 0.02  # below this, claiming and recording cost more than computing
TABLES_NS = 75.0  # per bar, to build the tables that the tests of a series share: 0.2 s for 2.6 million bars
LEAST_TESTS = 256  # which take about as long as their tables


def least_tests(strategy: Strategy, n_bars: int) -> int:
    """Return how many tests of a series are worth a piece of work: those of a long one share tables of all bars."""
    has_tables = strategy.decide is not None and n_bars * TABLES_NS / 1e9 > MIN_CHUNK_S
    return LEAST_TESTS if has_tables else 1


def plan_chunks(grid: Grid, bars: Sequence[int], cost_ns: float) -> Iterator[ResultChunk]:
    """Yield the chunks of a batch in the order of work. bars : of each series; cost_ns : of a bar and combination"""
    total_s = grid.size_per_series * sum(bars) * cost_ns / 1e9
    target_s = min(settings.CHUNK_TARGET_S, max(total_s / MIN_CHUNKS, MIN_CHUNK_S))
    slices = []
    for number, n_bars in enumerate(bars):
        first, last = grid.series_span(number)
        most = round((last - first) / least_tests(grid.strategy, n_bars))
        pieces = max(1, min(most, math.ceil((last - first) * n_bars * cost_ns / 1e9 / target_s)))
        edges = [first + (last - first) * piece // pieces for piece in range(pieces + 1)]
        slices += [((piece + 0.5) / pieces, number, edges[piece], edges[piece + 1]) for piece in range(pieces)]
    for position, (_, number, start, stop) in enumerate(sorted(slices)):
        symbol_number = number // grid.n_timeframes
        yield ResultChunk(position=position, symbol_number=symbol_number, start=start, stop=stop)
