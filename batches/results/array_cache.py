"""The arrays of large batches that were read last: orders of rows, which take many times their memory to sort, and the
columns of verdicts."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]
CACHE_BYTES = 64 * 1024 * 1024
UNUSED_S = 20.0  # after which an array is dropped


class ArrayCache:
    """Arrays that callers share, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.arrays: OrderedDict[Hashable, tuple[Array, float]] = OrderedDict()  # with when it was used
        self.lock = threading.Lock()
        # One array at a time: requests for the same one compute it once. An order may need the columns of a verdict.
        self.computing = threading.RLock()

    def known(self, key: Hashable) -> Array | None:
        with self.lock:
            if key not in self.arrays:
                return None
            array, _ = self.arrays.pop(key)
            self.arrays[key] = array, time.monotonic()
            return array

    def get(self, key: Hashable, compute: Callable[[], Array]) -> Array:
        """Return the array, from the cache or computed."""
        with self.computing:
            array = self.known(key)
            if array is None:
                array = compute()
                array.flags.writeable = False
                self._keep(key, array)
            return array

    def drop_unused(self, now: float) -> bool:
        """Drop what was not used for UNUSED_S; return whether there was any."""
        with self.lock:
            unused = [key for key, (_, used_at) in self.arrays.items() if used_at < now - UNUSED_S]
            for key in unused:
                del self.arrays[key]
            return bool(unused)

    def _keep(self, key: Hashable, array: Array) -> None:
        with self.lock:
            self.arrays[key] = array, time.monotonic()
            while sum(kept.nbytes for kept, _ in self.arrays.values()) > self.limit:
                self.arrays.popitem(last=False)


cache = ArrayCache(CACHE_BYTES)
