"""Results as columns: a chunk's metrics are one block of float64, of which only what is asked for is read.

Finished chunks never change, so a process keeps the columns it read last. Parameters are never stored: they are decoded
from the index.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from backtester.engine import METRIC_NAMES, METRICS
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.results.blocks import Piece, read_pieces
from batches.sweep.plan import Plan, plan_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CACHE_BYTES = 512 * 1024 * 1024
FEW = 1_000  # tests
UNDEFINED = np.float64(np.nan).tobytes()


def encode_block(metrics: Floats) -> bytes:
    """metrics : float64[n_metrics, n] -> the bytes that are stored."""
    return metrics.tobytes()


def result_bytes(total: int) -> int:
    """What the results of so many tests take on the disk."""
    return total * len(METRICS) * 8


def decode_block(block: bytes | memoryview | None, size: int) -> Floats:
    """The stored bytes of `size` tests -> float64[n_metrics, size].

    New metrics are only ever added after the others, so an older block simply has fewer rows: what it does not know is
    undefined.
    """
    stored = np.frombuffer(block or b"", dtype=np.float64).reshape(-1, size)
    missing = len(METRICS) - len(stored)
    return np.vstack([stored, np.full((missing, size), np.nan)]) if missing else stored


class Chunk(NamedTuple):
    """A finished slice of a batch."""

    id: int
    start: int
    stop: int
    status: str

    def piece(self, row: int, first: int, length: int) -> Piece:
        """Where its block has `length` values of a metric, from the test `first` on."""
        return Piece(self.id, 8 * (row * (self.stop - self.start) + first - self.start), 8 * length)


class MetricTable:
    """The metrics of one batch, as far as this process was asked for them: a column of float64[total] for each.

    A metric of a million tests is eight megabytes; all of them together are twenty times as much, and seldom needed.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.columns: dict[int, Floats] = {}
        self.known: dict[int, set[int]] = {}  # ids of the chunks that are in a column
        self.lock = threading.Lock()  # the parts of a page ask at the same time, and each would read the same

    @property
    def nbytes(self) -> int:
        """Of all columns."""
        return sum(column.nbytes for column in list(self.columns.values()))

    def column(self, row: int, chunks: Sequence[Chunk]) -> Floats:
        """One metric, where test i stands at i; anything may stand where no given chunk is.

        Finished chunks do not change any more: whoever has the column already does not look at what is added here.
        """
        with self.lock:
            column, known = self.columns.get(row), self.known.get(row, set())
            if column is None:
                column = np.empty(self.total)
            new = [chunk for chunk in chunks if chunk.id not in known]
            done = [chunk for chunk in new if chunk.status == ChunkStatus.DONE]
            stored = read_pieces([chunk.piece(row, chunk.start, chunk.stop - chunk.start) for chunk in done])
            for chunk in new:
                column[chunk.start : chunk.stop] = np.nan
            for chunk, data in zip(done, stored, strict=True):
                if data:  # else the metric, or the batch, is not there
                    column[chunk.start : chunk.stop] = np.frombuffer(data)
            self.columns[row] = column
            self.known[row] = known | {chunk.id for chunk in new}
            return column


class TableCache:
    """The tables of the batches that this process read last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.tables: OrderedDict[uuid.UUID, MetricTable] = OrderedDict()
        self.lock = threading.Lock()  # the server answers from several threads

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(table.nbytes for table in self.tables.values())

    def table_of(self, session: BatchSession) -> MetricTable:
        """That of the batch; empty when it was not read before."""
        with self.lock:
            table = self.tables.pop(session.id, None) or MetricTable(session.total)
            self.tables[session.id] = table  # the last is the one that was asked for last
            while self.size > self.limit and len(self.tables) > 1:
                self.tables.popitem(last=False)
            return table


_cache = TableCache(CACHE_BYTES)


class Source(Protocol):
    """Where columns come from."""

    def metric(self, row: int, index: Ints) -> Floats:
        """One metric of some tests, float64[len(index)]. Not to be written to."""

    def metrics(self, index: Ints) -> Floats:
        """Every metric of some tests, float64[n_metrics, len(index)]."""


class StoredBatch:
    """The finished chunks of a batch, ordered. everything : the index of all tests, when all are finished."""

    def __init__(self, table: MetricTable, chunks: Sequence[Chunk], everything: Ints | None) -> None:
        self.table = table
        self.chunks = chunks
        self.everything = everything
        self.starts = np.array([chunk.start for chunk in chunks], dtype=np.int64)
        self.columns: dict[int, Floats] = {}  # that were asked for

    def metric(self, row: int, index: Ints) -> Floats:
        """See `Source`."""
        if row not in self.columns:
            self.columns[row] = self.table.column(row, self.chunks)
        return self.columns[row] if index is self.everything else self.columns[row][index]

    def metrics(self, index: Ints) -> Floats:
        """See `Source`. A few tests are read without the rest of their metrics' columns, unless those are here."""
        if len(index) > FEW or len(self.columns) == len(METRICS):
            return np.stack([self.metric(row, index) for row in range(len(METRICS))])
        number = np.searchsorted(self.starts, index, side="right") - 1
        chunks = [self.chunks[at] for at in number.tolist()]
        pieces = [
            chunk.piece(row, test, 1) if chunk.status == ChunkStatus.DONE else Piece(chunk.id, 0, 0)
            for row in range(len(METRICS))
            for chunk, test in zip(chunks, index.tolist(), strict=True)
        ]
        values = np.frombuffer(b"".join(data or UNDEFINED for data in read_pieces(pieces)))
        return values.reshape(len(METRICS), len(index))


@dataclass(frozen=True)
class StoredChunk:
    """The block of one chunk, in memory."""

    block: Floats
    start: int

    def metric(self, row: int, index: Ints) -> Floats:
        """See `Source`."""
        found: Floats = self.block[row, index - self.start]
        return found

    def metrics(self, index: Ints) -> Floats:
        """See `Source`."""
        found: Floats = self.block[:, index - self.start]
        return found


@dataclass(frozen=True)
class Columns:
    """The finished tests of a batch, ordered by index : int64[n]. Failed tests have NaN in every metric."""

    plan: Plan
    index: Ints
    source: Source

    def metric(self, name: str) -> Floats:
        """One metric, float64[n]; name in snake case. Not to be written to."""
        return self.source.metric(METRIC_NAMES.index(name), self.index)

    def metrics_at(self, positions: Ints) -> Floats:
        """Every metric of some tests, float64[n_metrics, len(positions)]."""
        return self.source.metrics(self.index[positions])

    def at(self, positions: Ints) -> "Columns":
        """Some of them."""
        return Columns(self.plan, self.index[positions], self.source)

    def rows(self, positions: Ints) -> list[dict[str, Any]]:
        """Contract rows, in the order of `positions`."""
        return self.plan.rows(self.index[positions], self.metrics_at(positions))


def columns_of(session: BatchSession, *, keep: bool = True) -> Columns:
    """What is finished of a batch at this moment. keep : whether this process will soon be asked for it again."""
    chunks = [Chunk(*row) for row in finished_chunks(session).order_by("start").values_list(*Chunk._fields)]
    table = _cache.table_of(session) if keep else MetricTable(session.total)
    index = _joined([np.arange(chunk.start, chunk.stop, dtype=np.int64) for chunk in chunks])
    everything = index if len(index) == session.total else None
    return Columns(plan_of(session), index, StoredBatch(table, chunks, everything))


def columns_of_chunk(plan: Plan, chunk: ResultChunk) -> Columns:
    """One finished chunk alone, without a place in the cache."""
    index = np.arange(chunk.start, chunk.stop, dtype=np.int64)
    return Columns(plan, index, StoredChunk(decode_block(chunk.block, chunk.stop - chunk.start), chunk.start))


def no_columns(plan: Plan) -> Columns:
    """Those of no test."""
    return Columns(plan, np.empty(0, dtype=np.int64), StoredChunk(np.empty((len(METRICS), 0)), 0))


def finished_chunks(session: BatchSession) -> QuerySet[ResultChunk]:
    """The chunks that will not change any more."""
    return ResultChunk.objects.filter(session=session, status__in=[ChunkStatus.DONE, ChunkStatus.FAILED])


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def first_in_order(values: Floats, count: int, *, descending: bool) -> Ints:
    """The first `count` positions in sorted order: undefined values last either way, equal ones by position.

    A page near the front is found without sorting everything.
    """
    keys = -values if descending else values
    if count < len(keys) // 4:
        limit = np.partition(keys, count - 1)[count - 1]
        if limit == limit:  # else undefined values are on the page, and they compare with nothing
            near = np.flatnonzero(keys <= limit)
            return near[np.argsort(keys[near], kind="stable")][:count]
    return np.argsort(keys, kind="stable")[:count]


def best(values: Floats, count: int, *, descending: bool) -> Ints:
    """The same without undefined values."""
    first = first_in_order(values, count, descending=descending)
    return first[~np.isnan(values[first])]


def better_first(rows: Iterable[dict[str, Any]], wire_metric: str, *, descending: bool) -> list[dict[str, Any]]:
    """Rows best first; equal ones by index, so that merging is the same in any order. Undefined ones are left out."""
    defined = [row for row in rows if row[wire_metric] is not None]
    sign = -1 if descending else 1
    return sorted(defined, key=lambda row: (sign * row[wire_metric], row["index"]))
