"""When Python's cyclic garbage collector runs in a process with thousands of watchers."""

import math

MIN_CHANGES = 1_000  # connections opened or closed between two collections
BUSY_FACTOR = 4  # times as many while connections still open and close,
SMALL_CROWD = 100  # unless fewer watchers than this would be delayed
YOUNG, FULL = 1, 2  # generations of `gc.collect`
GROWTH_BYTES, GROWTH_BYTES_PER_WATCHER = 24 * 1024 * 1024, 40_000  # a watcher takes about half of that
# Between two collections because of growth.
PAUSE_S, MAX_PAUSE_S, PAUSE_S_PER_WATCHER = 12.0, 600.0, 0.02


class CollectionSchedule:
    """Decides what to collect, by how many connections were opened and closed.

    A full collection walks over all watchers: half a second for five thousand. So Python never starts one (`asgi.py`).
    While a crowd arrives, only objects that are newer than the last collection are walked over; older garbage waits
    until more connections have changed than there are watchers. While a crowd leaves, the others still wait for their
    last event, so collections are postponed, within limits, until no connection has changed between two calls.
    """

    def __init__(self) -> None:
        self.changes = 0  # since the last full collection
        self._at_last_collection = 0
        self._at_last_call = 0

    def count_change(self) -> None:
        self.changes += 1

    def due(self, watchers: int) -> int | None:
        """Return the generation to collect now, or None."""
        is_settled = self.changes == self._at_last_call or watchers < SMALL_CROWD
        factor = 1 if is_settled else BUSY_FACTOR
        self._at_last_call = self.changes
        if self.changes >= factor * (MIN_CHANGES + watchers):
            self.changes = self._at_last_collection = self._at_last_call = 0
            return FULL
        if self.changes >= self._at_last_collection + factor * MIN_CHANGES:
            self._at_last_collection = self.changes
            return YOUNG
        return None


class GrowthSchedule:
    """Decides to collect everything because the process has grown: garbage of a few connections can be large.

    Growth counts from the smallest size ever, because what is in use now may be garbage a minute later. While a process
    stays large, collections become rare. When its size changes again, other objects are in use, and they become
    frequent again: else what a crowd of requests leaves would stay for as long as the pause before it had become.
    """

    def __init__(self) -> None:
        self.smallest = math.inf  # bytes
        self.collected_size: float | None = None  # after the last collection
        self.collected_at = -math.inf  # monotonic seconds
        self.pause_s = 0.0

    def due(self, size: int, watchers: int, now: float) -> bool:
        self.smallest = min(self.smallest, size)
        if self.collected_size is None:
            self.collected_size = size
        allowed = GROWTH_BYTES + watchers * GROWTH_BYTES_PER_WATCHER
        is_large = size - self.smallest >= allowed
        if not is_large or abs(size - self.collected_size) >= allowed:
            self.pause_s = 0.0
        if not is_large or now < self.collected_at + max(PAUSE_S, self.pause_s) + watchers * PAUSE_S_PER_WATCHER:
            return False
        self.collected_at, self.collected_size = now, None
        self.pause_s = min(max(PAUSE_S, 1.5 * self.pause_s), MAX_PAUSE_S)
        return True
