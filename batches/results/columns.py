"""The finished tests of a batch as columns, of which only the requested ones are read.

Parameters are not stored: they are decoded from the index.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from django.db.models import QuerySet

from backtester.engine import METRIC_NAMES, METRICS
from backtester.engine.arrays import Floats, Ints
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.results.blocks import Piece, decode_block, read_pieces
from batches.results.cache import Chunk, MetricTable, cache
from batches.results.damage import damaged_chunks
from batches.results.judged import Key, add_judged, judged, key_of
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
class StoredTests:
    """Some tests of a batch. It holds no column, which would stay in memory while a client reads slowly."""

    session: BatchSession
    chunks: Sequence[Chunk]

    def metric(self, row: int, index: Ints) -> Floats:
        return cache.table_of(self.session).column(row, self.chunks)[index]

    def metrics(self, index: Ints) -> Floats:
        if len(index) <= FEW:
            return StoredBatch(MetricTable(0), self.chunks, None).metrics(index)
        values = np.empty((len(METRICS), len(index)))
        for row in range(len(METRICS)):
            values[row] = self.metric(row, index)
        return values


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
    """The finished tests of a batch, ordered by index : int64[n]. Failed tests have NaN in every metric.

    identity : equal for the same finished chunks; verdict : names the columns that the verdict added
    """

    plan: Plan
    index: Ints
    source: Source
    identity: Hashable = field(default_factory=object)
    verdict: Key = None

    def metric(self, name: str) -> Floats:
        """Return one metric by its name in snake case, float64[n], not to be written to."""
        return self.source.metric(METRIC_NAMES.index(name), self.index)

    def metrics_at(self, positions: Ints) -> Floats:
        """Return every metric of some tests, float64[n_metrics, len(positions)]."""
        return self.source.metrics(self.index[positions])

    def at(self, positions: Ints) -> "ResultColumns":
        return ResultColumns(self.plan, self.index[positions], self.source, verdict=self.verdict)

    def rows(self, positions: Ints) -> list[Row]:
        """Return the rows of the wire, in the order of `positions`."""
        rows = self.plan.rows(self.index[positions], self.metrics_at(positions))
        add_judged(self.verdict, rows, self.index[positions])
        return rows

    def judged(self, name: str) -> Floats:
        """Return one of the columns that the verdict added, float64[n]."""
        return judged(self.verdict, name, self.index)

    def span(self, symbol_number: int) -> tuple[int, int]:
        """Return the first position of a symbol's tests, and the one past the last."""
        first, last = np.searchsorted(self.index, self.plan.grid.span(symbol_number))
        return int(first), int(last)


def columns_of(session: BatchSession, *, keep: bool = True) -> ResultColumns:
    """Return the tests of a batch that are finished now. keep : whether this process is likely to need them again"""
    chunks = chunks_of(session, checksums=keep)
    table = cache.table_of(session) if keep else MetricTable(session.total)
    slices = [np.arange(chunk.start, chunk.stop, dtype=np.int64) for chunk in chunks]
    index = np.concatenate(slices) if slices else np.empty(0, dtype=np.int64)
    everything = index if len(index) == session.total else None
    return ResultColumns(
        plan_of(session), index, StoredBatch(table, chunks, everything), tuple(chunks), key_of(session)
    )


def columns_of_tests(session: BatchSession, chunks: Sequence[Chunk], tests: Ints) -> ResultColumns:
    """Return some finished tests of a batch in any order. tests : their indices"""
    return ResultColumns(plan_of(session), tests, StoredTests(session, chunks), verdict=key_of(session))


def columns_of_chunk(session: BatchSession, chunk: ResultChunk) -> ResultColumns:
    """Return one finished chunk alone, without a place in the cache."""
    index = np.arange(chunk.start, chunk.stop, dtype=np.int64)
    block = StoredChunk(decode_block(chunk.block, chunk.stop - chunk.start), chunk.start)
    return ResultColumns(plan_of(session), index, block, verdict=key_of(session))


def columns_in_memory(plan: Plan, metrics: Floats) -> ResultColumns:
    """Return the columns of a whole batch. metrics : float64[n_metrics, total]"""
    return ResultColumns(plan, np.arange(metrics.shape[1], dtype=np.int64), StoredChunk(metrics, 0))


def chunks_of(session: BatchSession, *, checksums: bool = True) -> list[Chunk]:
    """Return the finished chunks of a batch in order, damaged ones as failed. checksums : see `damaged_chunks`"""
    damaged = damaged_chunks(session, checksums=checksums)
    rows = finished_chunks(session).order_by("start").values_list(*Chunk._fields)
    chunks = [Chunk(*row) for row in rows]
    return [chunk._replace(status=ChunkStatus.FAILED) if chunk.id in damaged else chunk for chunk in chunks]


def finished_chunks(session: BatchSession) -> QuerySet[ResultChunk]:
    return ResultChunk.objects.filter(session=session, status__in=[ChunkStatus.DONE, ChunkStatus.FAILED])
