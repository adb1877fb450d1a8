"""The times that the documentation promises, on a machine that others use too."""

import os


def promised(seconds: float) -> float:
    """The limit for a measured time: longer by the number of processes that share a processor."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
