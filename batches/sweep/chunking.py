"""Cut a batch into chunks of one symbol each, sized by work.

Symbols are interleaved, so that early results are typical of the whole.
"""

import math
import os
from collections.abc import Iterator, Sequence

from django.conf import settings

from backtester.engine import Grid
from batches.models import BatchSession, ResultChunk, Status

MIN_CHUNKS = 16  # of a batch too small for full chunks: enough for a progress bar that moves and for all cores
MIN_CHUNK_S = 0.02  # below this, claiming and recording cost more than computing
PACE_TESTS = 1_000  # the pace of a strategy is measured on batches of at least so many tests


def work_per_second(strategy: str, cost_ns: float) -> float:
    """Return the bars x combinations of one worker in a second, measured on the newest full batch, or as declared."""
    newest = (
        BatchSession.objects.filter(strategy=strategy, status=Status.COMPLETE, total__gte=PACE_TESTS, carried_tests=0)
        .only("started_at", "ended_at", "paused_s", "work_total", "total")
        .first()
    )
    declared = 1e9 / cost_ns
    if newest is None or not newest.started_at or not newest.ended_at:
        return declared
    seconds = (newest.ended_at - newest.started_at).total_seconds() - newest.paused_s
    return newest.work_total / seconds / workers() if seconds > 0 else declared


def workers() -> int:
    """Return the number of worker processes to assume in estimates."""
    return os.cpu_count() or 1


def plan_chunks(grid: Grid, bars: Sequence[int], cost_ns: float) -> Iterator[ResultChunk]:
    """Yield the chunks of a batch in the order of work. bars : of each symbol; cost_ns : of a bar and combination"""
    total_s = grid.size_per_symbol * sum(bars) * cost_ns / 1e9
    target_s = min(settings.CHUNK_TARGET_S, max(total_s / MIN_CHUNKS, MIN_CHUNK_S))
    slices = []
    for number, n_bars in enumerate(bars):
        first, last = grid.span(number)
        pieces = max(1, min(last - first, math.ceil((last - first) * n_bars * cost_ns / 1e9 / target_s)))
        edges = [first + (last - first) * piece // pieces for piece in range(pieces + 1)]
        slices += [((piece + 0.5) / pieces, number, edges[piece], edges[piece + 1]) for piece in range(pieces)]
    for position, (_, number, start, stop) in enumerate(sorted(slices)):
        yield ResultChunk(position=position, symbol_number=number, start=start, stop=stop)
