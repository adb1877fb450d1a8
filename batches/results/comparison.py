"""The rules by which two batches are compared, the same on the page and in the terminal."""

import numpy as np

from backtester.engine import Metric
from batches.results.arrays import Floats
from batches.results.ranking import best


def best_position(values: Floats, metric: Metric) -> int | None:
    """Return the position of the best defined value, the first of equal ones."""
    top = best(values, 1, descending=metric.higher_is_better)
    return int(top[0]) if len(top) else None


def mean(values: Floats) -> float | None:
    """Return the mean of the defined values."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
