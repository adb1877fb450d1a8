"""Do the neighbors of a result agree with it? The median over the cells around it on the grid."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from backtester.engine.arrays import Floats, Ints

AT_ONCE = 4_000_000  # values gathered at a time, 32 MB
MOST_NEIGHBORS = 728  # of six axes; with more, only the steps along one axis count


def neighbor_median(values: Floats, positions: Sequence[Ints], shape: Sequence[int]) -> Floats:
    """Return float64[n], the median of the defined neighbors of each test, NaN without one.

    values : float64[n]; positions : int64[n] for each axis, where the test is on it; shape : length of each axis.
    A neighbor is at most one step away on each axis; axes of one value have none.
    """
    axes = [axis for axis, size in enumerate(shape) if size > 1]
    if not axes or not len(values):
        return np.full(len(values), np.nan)
    padded = [shape[axis] + 2 for axis in axes]
    at = np.ravel_multi_index([positions[axis] + 1 for axis in axes], padded)
    cells = np.full(int(np.prod(padded)), np.nan)
    cells[at] = values
    strides = [int(np.prod(padded[number + 1 :])) for number in range(len(axes))]
    steps = np.array([int(np.dot(step, strides)) for step in _steps(len(axes))])
    medians = np.empty(len(values))
    rows = max(1, AT_ONCE // len(steps))
    for start in range(0, len(values), rows):
        medians[start : start + rows] = _median(cells[at[start : start + rows, None] + steps])
    return medians


def _steps(axes: int) -> list[tuple[int, ...]]:
    if 3**axes - 1 <= MOST_NEIGHBORS:
        return [step for step in product((-1, 0, 1), repeat=axes) if any(step)]
    unit = np.eye(axes, dtype=np.int64)
    return [tuple(int(value) for value in sign * row) for row in unit for sign in (-1, 1)]


def _median(rows: Floats) -> Floats:
    """Return the median of the defined values of each row; like numpy.nanmedian, without its warning."""
    ordered = np.sort(rows, axis=1)  # NaN last
    defined = np.sum(~np.isnan(rows), axis=1)
    low = np.maximum((defined - 1) // 2, 0)
    places = np.arange(len(rows))
    median: Floats = (ordered[places, low] + ordered[places, defined // 2]) / 2.0
    return np.where(defined > 0, median, np.nan)
