"""A cache of prices that counts bytes."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from backtester.engine import Prices
from backtester.engine.derived import derived_bytes
from backtester.engine.timeframes import Built

Entry = Prices | Built | None


class PricesCache:
    """The prices that were used last, with what the engine derives from them up to a number of bytes; at least one."""

    def __init__(self) -> None:
        self.entries: OrderedDict[Hashable, tuple[Entry, int]] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()  # the server answers from several threads

    def get(self, key: Hashable, load: Callable[[], Entry], limit: int) -> Entry:
        with self.lock:
            if key in self.entries:
                self.entries.move_to_end(key)
                self._shrink(limit)  # what is derived from the last prices was made since
                return self.entries[key][0]
        prices = load()  # not under the lock: it may load the series that it is cut from through this cache
        with self.lock:
            if key not in self.entries:
                self.entries[key] = prices, _bytes_of(prices)
                self.size += self.entries[key][1]
            self._shrink(limit)
        return prices

    def _shrink(self, limit: int) -> None:
        while len(self.entries) > 1 and self.size + derived_bytes() > limit:
            self.size -= self.entries.popitem(last=False)[1][1]

    def clear(self) -> None:
        with self.lock:
            self.entries.clear()
            self.size = 0


def _bytes_of(entry: Entry) -> int:
    """Return the bytes of the columns, and of days and moments, which are made from the dates."""
    if entry is None:
        return 0
    if isinstance(entry, Built):
        return _bytes_of(entry.prices) + 2 * entry.starts.nbytes
    columns = (entry.close, entry.open, entry.high, entry.low, entry.volume)
    return sum(column.nbytes for column in columns if column is not None) + 3 * entry.dates.nbytes
