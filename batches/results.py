"""Results as columns: a chunk's metrics are one block of float64, and a column of a batch is read across its chunks.

Blocks of finished chunks never change, so a process keeps the ones it read last. Parameters are never stored: they are
decoded from the index.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import QuerySet

from backtester.engine import METRIC_NAMES, METRICS
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.plan import Plan, plan_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CACHE_BYTES = 512 * 1024 * 1024


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


class BlockCache:
    """The blocks that this process read last, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.blocks: OrderedDict[int, Floats] = OrderedDict()
        self.lock = threading.Lock()  # the server answers from several threads

    def fetch(self, chunk_ids: Sequence[int], *, keep: bool = True) -> dict[int, Floats]:
        """The blocks of finished chunks, by chunk id; one query for all that are missing."""
        with self.lock:
            found = {pk: self.blocks[pk] for pk in chunk_ids if pk in self.blocks}
            for pk in found:
                self.blocks.move_to_end(pk)
        missing = [pk for pk in chunk_ids if pk not in found]
        chunks = ResultChunk.objects.filter(pk__in=missing).values_list("pk", "block", "start", "stop")
        for pk, data, start, stop in chunks:
            found[pk] = block = decode_block(data, stop - start)
            if keep:
                self._keep(pk, block)
        return found

    def _keep(self, pk: int, block: Floats) -> None:
        with self.lock:
            if pk not in self.blocks:
                self.blocks[pk] = block
                self.size += block.nbytes
            while self.size > self.limit and len(self.blocks) > 1:
                self.size -= self.blocks.popitem(last=False)[1].nbytes


_cache = BlockCache(CACHE_BYTES)


@dataclass(frozen=True)
class Columns:
    """The finished tests of a batch, ordered by index.

    index : int64[n]; metrics : the blocks, in the same order; failed tests are here too, with NaN in every metric.
    """

    plan: Plan
    index: Ints
    blocks: tuple[Floats, ...]

    def metric(self, name: str) -> Floats:
        """One metric, float64[n]; name in snake case."""
        row = METRIC_NAMES.index(name)
        return np.concatenate([block[row] for block in self.blocks]) if self.blocks else np.empty(0)

    def metrics_at(self, positions: Ints) -> Floats:
        """Every metric of some tests, float64[n_metrics, len(positions)]."""
        ends = np.cumsum([block.shape[1] for block in self.blocks])
        number = np.searchsorted(ends, positions, side="right")
        by_block = np.argsort(number, kind="stable")
        found = np.empty((len(METRICS), len(positions)))
        for run in np.split(by_block, np.flatnonzero(np.diff(number[by_block])) + 1):
            if len(run):
                block = self.blocks[number[run[0]]]
                found[:, run] = block[:, positions[run] - (ends[number[run[0]]] - block.shape[1])]
        return found

    def rows(self, positions: Ints) -> list[dict[str, Any]]:
        """Contract rows, in the order of `positions`."""
        return self.plan.rows(self.index[positions], self.metrics_at(positions))


def columns_of(session: BatchSession, *, keep: bool = True) -> Columns:
    """What is finished of a batch at this moment. keep : whether this process will soon be asked for it again."""
    chunks = list(finished_chunks(session).order_by("start").values_list("pk", "start", "stop", "status"))
    blocks = _cache.fetch([pk for pk, _, _, status in chunks if status == ChunkStatus.DONE], keep=keep)
    return Columns(
        plan=plan_of(session),
        index=_joined([np.arange(start, stop, dtype=np.int64) for _, start, stop, _ in chunks]),
        blocks=tuple(
            blocks[pk] if pk in blocks else np.full((len(METRICS), stop - start), np.nan)
            for pk, start, stop, _ in chunks
        ),
    )


def columns_of_chunk(plan: Plan, chunk: ResultChunk) -> Columns:
    """One finished chunk alone, without a place in the cache."""
    size = chunk.stop - chunk.start
    return Columns(plan, np.arange(chunk.start, chunk.stop, dtype=np.int64), (decode_block(chunk.block, size),))


def finished_chunks(session: BatchSession) -> QuerySet[ResultChunk]:
    """The chunks that will not change any more."""
    return ResultChunk.objects.filter(session=session, status__in=[ChunkStatus.DONE, ChunkStatus.FAILED])


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def higher_is_better(metric: str) -> bool:
    """Whether the best value of a metric is its largest."""
    return METRICS[METRIC_NAMES.index(metric)].higher_is_better


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
