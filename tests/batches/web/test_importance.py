"""The distribution of a metric over all tests, and what explains it."""

import numpy as np
import pytest

from batches.web.charts.histogram import histogram
from batches.web.importance import complete, explained, insights
from tests.support import jobs


def test_an_outlier_is_counted_but_does_not_flatten_the_histogram():
    values = np.concatenate([np.random.default_rng(3).normal(0, 1, 5_000), [1e9, np.nan]])
    drawn = histogram(values)
    assert drawn
    assert sum(bar.count for bar in drawn.bars) + drawn.outside == drawn.count == 5_001
    assert drawn.high < 10
    assert max(bar.height for bar in drawn.bars) == 130
    assert drawn.median == pytest.approx(np.median(values[:-1]))


@pytest.mark.parametrize("n", [2, 8, 12, 300, 5_000])
def test_the_best_and_the_worst_are_in_the_histogram_when_they_are_not_wild(n):
    values = np.random.default_rng(3).normal(0.05, 0.1, n)
    drawn = histogram(values)
    assert drawn
    assert drawn.outside == 0
    assert (drawn.low, drawn.high) == (values.min(), values.max())


def test_the_histogram_of_a_single_value_stays_near_it():
    drawn = histogram(np.array([0.174]))
    assert drawn
    assert 0.15 < drawn.low < 0.174 < drawn.high < 0.2


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


def test_tests_that_failed_leave_their_combination_out():
    values = np.array([1.0, 2.0, np.nan, 5.0, 6.0, 7.0])  # two symbols, three combinations
    symbol, combination = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    assert complete(values, symbol, combination).tolist() == [True, True, False, True, True, False]


def test_a_symbol_without_any_value_leaves_the_others_in():
    values = np.array([1.0, 2.0, np.nan, np.nan])
    assert complete(values, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])).tolist() == [True, True, False, False]
    assert not complete(np.array([np.nan]), np.array([0]), np.array([0])).any()


def test_the_shares_never_add_up_to_more_than_everything(start, queued, published):
    ranges = {"fast": [3, 5, 8, 12], "slow": [10, 20, 57, 70]}
    context = insights(jobs.finish(jobs.submit(start(parameterRanges=ranges))))
    assert context["importance"]
    assert sum(share for _, share in context["importance"]) <= 1
    assert "of 37 tests: combinations with a value for every symbol" in context["uneven"]


def test_uneven_constraints_give_no_shares_rather_than_too_much(start, queued, published):
    ranges = {"fast": [3, 8, 20, 30], "slow": [4, 9, 25, 31]}  # fast must be below slow
    for symbol in ("ACME", "BOLT"):
        context = insights(jobs.finish(jobs.submit(start(symbols=[symbol], parameterRanges=ranges))))
        assert sum(share for _, share in context["importance"]) <= 1 + 1e-9
        assert bool(context["importance"]) != bool(context["uneven"])
