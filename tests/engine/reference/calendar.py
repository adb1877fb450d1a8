"""Bars a year, counted with Python's own dates."""

from datetime import timedelta
from itertools import pairwise
from statistics import median


def bars_a_year(dates):
    """Count bars over the time between them, gaps of more than 14 usual distances left out."""
    distances = [(later - earlier) / timedelta(days=1) for earlier, later in pairwise(dates)]
    usual = median(distances)
    kept = [distance for distance in distances if distance <= 14 * usual]
    return len(kept) / (sum(kept) / 365.25)


def snapped(count):
    """Return the convention within 5 % of a count, else the count."""
    for convention in (365, 252, 365.25 / 7, 12, 4, 1):
        if abs(count / convention - 1) <= 0.05:
            return convention
    return count
