"""The metrics that this process has read, by batch. Finished chunks never change, so they are read once."""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backtester.engine.arrays import Floats
from batches.models import BatchSession, ChunkStatus
from batches.results.blocks import Piece, read_pieces

CACHE_BYTES = 512 * 1024 * 1024
UNUSED_S = 20.0  # after which a table is dropped


class Chunk(NamedTuple):
    id: int
    start: int
    stop: int
    status: str

    def piece(self, row: int, first: int, length: int) -> Piece:
        """Return the place of `length` values of a metric, from the test `first` on."""
        return Piece(self.id, 8 * (row * (self.stop - self.start) + first - self.start), 8 * length)


class MetricTable:
    """The metrics of one batch that were requested, as float64[total] columns.

    A metric of a million tests is eight megabytes; all of them are twenty times as much, and seldom needed.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used_at = 0.0  # monotonic seconds
        self.columns: dict[int, Floats] = {}
        self.chunk_ids: dict[int, set[int]] = {}  # of the chunks that a column contains
        self.lock = threading.Lock()  # the parts of a page are requested together, and each would read the same

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in list(self.columns.values()))

    def column(self, row: int, chunks: Sequence[Chunk]) -> Floats:
        """Return one metric with test i at position i, undefined outside of the chunks.

        Only new chunks are written, so an array that was returned before stays valid for its chunks.
        """
        with self.lock:
            column, chunk_ids = self.columns.get(row), self.chunk_ids.get(row, set())
            if column is None:
                column = np.empty(self.total)
            new = [chunk for chunk in chunks if chunk.id not in chunk_ids]
            done = [chunk for chunk in new if chunk.status == ChunkStatus.DONE]
            contents = read_pieces([chunk.piece(row, chunk.start, chunk.stop - chunk.start) for chunk in done])
            for chunk in new:
                column[chunk.start : chunk.stop] = np.nan
            for chunk, data in zip(done, contents, strict=True):
                if data:  # else an older block without the metric, or a deleted batch
                    column[chunk.start : chunk.stop] = np.frombuffer(data)
            self.columns[row] = column
            self.chunk_ids[row] = chunk_ids | {chunk.id for chunk in new}
            return column


class TableCache:
    """The tables of the batches that were read last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.tables: OrderedDict[uuid.UUID, MetricTable] = OrderedDict()
        self.lock = threading.Lock()  # the server answers from several threads

    @property
    def size(self) -> int:
        return sum(table.nbytes for table in self.tables.values())

    def table_of(self, session: BatchSession) -> MetricTable:
        """Return the batch's table, a new one if it was not read before."""
        with self.lock:
            table = self.tables.pop(session.id, None) or MetricTable(session.total)
            self.tables[session.id] = table
            table.used_at = time.monotonic()
            while self.size > self.limit and len(self.tables) > 1:
                self.tables.popitem(last=False)
            return table

    def drop_unused(self, now: float) -> bool:
        """Drop what was not used for UNUSED_S; return whether there was any."""
        with self.lock:
            unused = [pk for pk, table in self.tables.items() if table.used_at < now - UNUSED_S]
            for session_id in unused:
                del self.tables[session_id]
            return bool(unused)


cache = TableCache(CACHE_BYTES)
