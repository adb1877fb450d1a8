"""The orders of rows that were read last, of large batches: to sort a million tests takes many times their memory."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt

from backtester.engine.arrays import Ints

Positions = npt.NDArray[np.int32]
LARGE = 100_000  # tests; the orders of smaller batches are not kept
CACHE_BYTES = 64 * 1024 * 1024
UNUSED_S = 20.0  # after which an order is dropped


class OrderCache:
    """Orders as int32[n], up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.orders: OrderedDict[Hashable, tuple[Positions, float]] = OrderedDict()  # with when it was used
        self.lock = threading.Lock()
        self.sorting = threading.Lock()  # one at a time: requests for the same order compute it once

    def known(self, key: Hashable) -> Positions | None:
        with self.lock:
            if key not in self.orders:
                return None
            order, _ = self.orders.pop(key)
            self.orders[key] = order, time.monotonic()
            return order

    def get(self, key: Hashable, compute: Callable[[], Ints]) -> Positions:
        """Return the order, from the cache or computed."""
        with self.sorting:
            order = self.known(key)
            if order is None:
                order = compute().astype(np.int32)
                order.flags.writeable = False
                self._keep(key, order)
            return order

    def drop_unused(self, now: float) -> bool:
        """Drop what was not used for UNUSED_S; return whether there was any."""
        with self.lock:
            unused = [key for key, (_, used_at) in self.orders.items() if used_at < now - UNUSED_S]
            for key in unused:
                del self.orders[key]
            return bool(unused)

    def _keep(self, key: Hashable, order: Positions) -> None:
        with self.lock:
            self.orders[key] = order, time.monotonic()
            while sum(kept.nbytes for kept, _ in self.orders.values()) > self.limit:
                self.orders.popitem(last=False)


cache = OrderCache(CACHE_BYTES)
