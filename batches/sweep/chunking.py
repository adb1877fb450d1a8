"""Cut a batch into chunks: a single symbol each, sized by work, symbols interleaved.

Interleaved, so that early results are typical of the whole.
"""

import math
import os
from collections.abc import Iterator, Sequence

from django.conf import settings

from backtester.engine import Grid
from batches.models import BatchSession, ResultChunk, Status

CHUNKS_WANTED = 16  # for a batch too small for full chunks: enough for a bar that moves and for all cores
SMALLEST_CHUNK_S = 0.02  # below this, claiming and recording would cost more than computing
PACE_TESTS = 1_000  # a batch of at least so many tests tells the pace of its strategy


def work_per_second(strategy: str, cost_ns: float) -> float:
    """Bars x combinations that one worker does in a second: measured on the newest full batch, else as declared."""
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
    """Worker processes that this installation counts on, for estimates only."""
    return os.cpu_count() or 1


def plan_chunks(grid: Grid, bars: Sequence[int], cost_ns: float) -> Iterator[ResultChunk]:
    """The chunks of a batch in the order of work. bars : for each symbol; cost_ns : for a bar and combination."""
    total_s = grid.size_per_symbol * sum(bars) * cost_ns / 1e9
    target_s = min(settings.CHUNK_TARGET_S, max(total_s / CHUNKS_WANTED, SMALLEST_CHUNK_S))
    slices = []
    for number, n_bars in enumerate(bars):
        first, last = grid.span(number)
        pieces = max(1, min(last - first, math.ceil((last - first) * n_bars * cost_ns / 1e9 / target_s)))
        edges = [first + (last - first) * piece // pieces for piece in range(pieces + 1)]
        slices += [((piece + 0.5) / pieces, number, edges[piece], edges[piece + 1]) for piece in range(pieces)]
    for position, (_, number, start, stop) in enumerate(sorted(slices)):
        yield ResultChunk(position=position, symbol_number=number, start=start, stop=stop)
