"""Why tests failed: stored as ranges of indices for each cause."""

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from backtester.engine.arrays import Ints
from batches.models import BatchSession, ResultChunk
from batches.results.damage import REASON, damaged_chunks

Cause = tuple[str, list[list[int]]]  # (message, [[first, past last], ...] in combination indices)
MOST_CAUSES = 500  # of a chunk, in 500 characters each: a message that differs in each test would fill the disk
OTHER_CAUSES = f"Another reason than the first {MOST_CAUSES} of this part of the batch."


def causes_of(errors: Mapping[str, Ints], start: int) -> list[Cause]:
    """Return the causes of a chunk's failures. errors : message -> int64[k], offsets from `start`"""
    causes = list(errors.items())
    kept, rest = causes[:MOST_CAUSES], causes[MOST_CAUSES:]
    if rest:
        kept.append((OTHER_CAUSES, np.sort(np.concatenate([offsets for _, offsets in rest]))))
    return [(message, failure_ranges(offsets, start)) for message, offsets in kept]


def failure_ranges(offsets: Ints, start: int) -> list[list[int]]:
    """Return sorted offsets as [[first, past last], ...] in combination indices."""
    if not len(offsets):
        return []
    breaks = np.flatnonzero(np.diff(offsets) > 1) + 1
    return [[start + int(run[0]), start + int(run[-1]) + 1] for run in np.split(offsets, breaks)]


class Failures:
    def __init__(self, causes: Iterable[Cause]) -> None:
        ranges = sorted((first, stop, message) for message, ranges in causes for first, stop in ranges)
        self._first = np.array([first for first, _, _ in ranges], dtype=np.int64)
        self._stop = np.array([stop for _, stop, _ in ranges], dtype=np.int64)
        self._message = pa.array([message for _, _, message in ranges], pa.string())

    @classmethod
    def of(cls, session: BatchSession) -> "Failures":
        """Return why tests of a batch failed, or cannot be read."""
        damaged = damaged_chunks(session)
        rows = ResultChunk.objects.filter(session=session).exclude(failures=[]).values_list("pk", "failures")
        causes = [cause for pk, causes in rows if pk not in damaged for cause in causes]
        return cls([*causes, *((REASON, [list(span)]) for span in damaged.values())])

    def messages(self, index: Ints) -> pa.Array:
        """Return string[n], null where a test did not fail. index : int64[n], in any order"""
        at = np.searchsorted(self._first, index, side="right") - 1  # no two ranges overlap
        failed = at >= 0
        failed[failed] = index[failed] < self._stop[at[failed]]
        return self._message.take(pa.array(at, mask=~failed))
