"""The distribution of a metric over all tests, and what explains it."""

import numpy as np
import pytest

from batches.web.charts.histogram import histogram
from batches.web.importance import explained


def test_an_outlier_is_counted_but_does_not_flatten_the_histogram():
    values = np.concatenate([np.random.default_rng(3).normal(0, 1, 5_000), [1e9, np.nan]])
    drawn = histogram(values)
    assert drawn
    assert sum(bar.count for bar in drawn.bars) + drawn.outside == drawn.count == 5_001
    assert drawn.high < 10
    assert max(bar.height for bar in drawn.bars) == 130
    assert drawn.median == pytest.approx(np.median(values[:-1]))


def test_a_histogram_of_one_value_and_of_none():
    single = histogram(np.array([2.0, 2.0]))
    assert single
    assert sum(bar.count for bar in single.bars) == 2
    assert histogram(np.array([np.nan])) is None


def test_a_parameter_that_decides_everything_explains_everything():
    group = np.repeat([1, 2, 3], 50)
    assert explained(group * 2.0, group) == pytest.approx(1)
    assert explained(np.tile([1.0, 2.0], 75), group) == pytest.approx(0, abs=1e-12)
    assert np.isnan(explained(np.ones(150), group))


def test_undefined_tests_explain_nothing():
    group = np.array([1, 1, 2, 2])
    assert explained(np.array([1.0, np.nan, 5.0, 5.0]), group) == pytest.approx(1)
