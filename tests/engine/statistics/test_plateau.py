"""The median of the neighbors against a loop, and at the edges."""

from itertools import product

import numpy as np
import pytest

from backtester.engine.statistics import plateau
from backtester.engine.statistics.plateau import neighbor_median


def slow(values, positions, shape):
    at = {tuple(cell): value for cell, value in zip(np.array(positions).T.tolist(), values, strict=True)}
    medians = []
    for cell in np.array(positions).T.tolist():
        near = [
            at.get(tuple(c + s for c, s in zip(cell, step, strict=True)))
            for step in product((-1, 0, 1), repeat=len(shape))
            if any(step)
        ]
        known = [value for value in near if value is not None and not np.isnan(value)]
        medians.append(np.median(known) if known else np.nan)
    return np.array(medians)


@pytest.mark.parametrize("shape", [(7,), (5, 6), (3, 1, 4), (2, 3, 2, 3)])
def test_neighbors_of_a_grid_with_holes(shape):
    random = np.random.RandomState(4)
    cells = np.indices(shape).reshape(len(shape), -1)
    cells = cells[:, random.rand(cells.shape[1]) < 0.8]  # what a constraint leaves
    values = random.rand(cells.shape[1])
    values[::5] = np.nan  # failed tests
    expected = slow(values, cells, shape)
    assert neighbor_median(values, list(cells), shape) == pytest.approx(expected, nan_ok=True, abs=1e-15)


def test_a_single_cell_has_no_neighbors():
    assert np.isnan(neighbor_median(np.array([1.0]), [np.array([0])], (1,))).all()


def test_the_size_of_the_steps_in_memory_changes_nothing(monkeypatch):
    cells = np.indices((30, 40)).reshape(2, -1)
    values = np.random.RandomState(1).rand(1200)
    whole = neighbor_median(values, list(cells), (30, 40))
    monkeypatch.setattr(plateau, "AT_ONCE", 100)
    assert np.array_equal(whole, neighbor_median(values, list(cells), (30, 40)))


def test_many_axes_count_the_steps_along_one_axis_only():
    shape = (3,) * 7
    cells = np.indices(shape).reshape(7, -1)
    values = cells.sum(axis=0).astype(float)
    center = int(np.ravel_multi_index((1,) * 7, shape))
    assert neighbor_median(values, list(cells), shape)[center] == 7.0
