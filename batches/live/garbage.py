"""When Python's cyclic garbage collector runs in a process with thousands of watchers."""

MIN_CHANGES = 1_000  # connections opened or closed between two collections
BUSY_FACTOR = 4  # times as many while connections still open and close,
SMALL_CROWD = 100  # unless fewer watchers than this would be delayed
YOUNG, FULL = 1, 2  # generations of `gc.collect`


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
