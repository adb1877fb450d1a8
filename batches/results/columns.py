"""The finished tests of a batch as columns, of which only those that are asked for are read.

Parameters are not stored: they are decoded from the index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from django.db.models import QuerySet

from backtester.engine import METRIC_NAMES, METRICS
from backtester.engine.arrays import Floats, Ints
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.results.blocks import Piece, decode_block, read_pieces
from batches.results.cache import Chunk, MetricTable, cache
from batches.sweep.plan import Plan, plan_of
from batches.sweep.wire_types import Row

FEW = 1_000  # tests
UNDEFINED = np.float64(np.nan).tobytes()


class Source(Protocol):
    def metric(self, row: int, index: Ints) -> Floats:
        """Return one metric of some tests, float64[len(index)], not to be written to."""

    def metrics(self, index: Ints) -> Floats:
        """Return every metric of some tests, float64[n_metrics, len(index)]."""


class StoredBatch:
    """The finished chunks of a batch in order. everything : the index of all tests if all are finished."""

    def __init__(self, table: MetricTable, chunks: Sequence[Chunk], everything: Ints | None) -> None:
        self.table = table
        self.chunks = chunks
        self.everything = everything
        self.starts = np.array([chunk.start for chunk in chunks], dtype=np.int64)
        self.columns: dict[int, Floats] = {}

    def metric(self, row: int, index: Ints) -> Floats:
        if row not in self.columns:
            self.columns[row] = self.table.column(row, self.chunks)
        return self.columns[row] if index is self.everything else self.columns[row][index]

    def metrics(self, index: Ints) -> Floats:
        """Read a few tests value by value, unless the columns of all metrics are here."""
        if len(index) > FEW or len(self.columns) == len(METRICS):
            return np.stack([self.metric(row, index) for row in range(len(METRICS))])
        numbers = np.searchsorted(self.starts, index, side="right") - 1
        chunks = [self.chunks[number] for number in numbers.tolist()]
        pieces = [
            chunk.piece(row, test, 1) if chunk.status == ChunkStatus.DONE else Piece(chunk.id, 0, 0)
            for row in range(len(METRICS))
            for chunk, test in zip(chunks, index.tolist(), strict=True)
        ]
        values = np.frombuffer(b"".join(data or UNDEFINED for data in read_pieces(pieces)))
        return values.reshape(len(METRICS), len(index))


@dataclass(frozen=True)
class StoredChunk:
    block: Floats
    start: int

    def metric(self, row: int, index: Ints) -> Floats:
        values: Floats = self.block[row, index - self.start]
        return values

    def metrics(self, index: Ints) -> Floats:
        values: Floats = self.block[:, index - self.start]
        return values


@dataclass(frozen=True)
class ResultColumns:
    """The finished tests of a batch, ordered by index : int64[n]. Failed tests have NaN in every metric."""

    plan: Plan
    index: Ints
    source: Source

    def metric(self, name: str) -> Floats:
        """Return one metric by its name in snake case, float64[n], not to be written to."""
        return self.source.metric(METRIC_NAMES.index(name), self.index)

    def metrics_at(self, positions: Ints) -> Floats:
        """Return every metric of some tests, float64[n_metrics, len(positions)]."""
        return self.source.metrics(self.index[positions])

    def at(self, positions: Ints) -> "ResultColumns":
        return ResultColumns(self.plan, self.index[positions], self.source)

    def rows(self, positions: Ints) -> list[Row]:
        """Return the rows of the wire, in the order of `positions`."""
        return self.plan.rows(self.index[positions], self.metrics_at(positions))

    def span(self, symbol_number: int) -> tuple[int, int]:
        """Return the first position of a symbol's tests, and the one past the last."""
        first, last = np.searchsorted(self.index, self.plan.grid.span(symbol_number))
        return int(first), int(last)


def columns_of(session: BatchSession, *, keep: bool = True) -> ResultColumns:
    """Return the tests of a batch that are finished now. keep : whether this process is likely to need them again"""
    chunks = [Chunk(*row) for row in finished_chunks(session).order_by("start").values_list(*Chunk._fields)]
    table = cache.table_of(session) if keep else MetricTable(session.total)
    slices = [np.arange(chunk.start, chunk.stop, dtype=np.int64) for chunk in chunks]
    index = np.concatenate(slices) if slices else np.empty(0, dtype=np.int64)
    everything = index if len(index) == session.total else None
    return ResultColumns(plan_of(session), index, StoredBatch(table, chunks, everything))


def columns_of_chunk(plan: Plan, chunk: ResultChunk) -> ResultColumns:
    """Return one finished chunk alone, without a place in the cache."""
    index = np.arange(chunk.start, chunk.stop, dtype=np.int64)
    return ResultColumns(plan, index, StoredChunk(decode_block(chunk.block, chunk.stop - chunk.start), chunk.start))


def no_columns(plan: Plan) -> ResultColumns:
    return ResultColumns(plan, np.empty(0, dtype=np.int64), StoredChunk(np.empty((len(METRICS), 0)), 0))


def finished_chunks(session: BatchSession) -> QuerySet[ResultChunk]:
    return ResultChunk.objects.filter(session=session, status__in=[ChunkStatus.DONE, ChunkStatus.FAILED])
