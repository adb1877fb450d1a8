"""Skip a service for a moment after it failed: each attempt at a hung Redis costs time."""

import time


class CircuitBreaker:
    """Open for `open_s` seconds after each failure."""

    def __init__(self, open_s: float) -> None:
        self.open_s = open_s
        self.closes_at = 0.0

    def trip(self) -> None:
        self.closes_at = time.monotonic() + self.open_s

    def reset(self) -> None:
        self.closes_at = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.closes_at
