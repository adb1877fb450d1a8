"""Why tests failed: stored as ranges of indices for each cause."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from backtester.engine.arrays import Ints
from batches.models import BatchSession, ResultChunk

Cause = tuple[str, list[list[int]]]  # (message, [[first, past last], ...] in combination indices)


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
        failures = ResultChunk.objects.filter(session=session).exclude(failures=[]).values_list("failures", flat=True)
        return cls(cause for causes in failures for cause in causes)

    def messages(self, index: Ints) -> pa.Array:
        """Return string[n], null where a test did not fail. index : int64[n], in any order"""
        at = np.searchsorted(self._first, index, side="right") - 1  # no two ranges overlap
        failed = at >= 0
        failed[failed] = index[failed] < self._stop[at[failed]]
        return self._message.take(pa.array(at, mask=~failed))
