"""Orders of days, and when a shuffle test ends."""

import numpy as np
import pytest

from backtester.engine.statistics.shuffling import (
    draw_order,
    order_within,
    shuffle_test,
)


@pytest.mark.parametrize(("n", "block"), [(7, 1), (100, 20), (101, 20), (3, 20)])
def test_an_order_is_a_permutation_that_seed_and_draw_repeat(n, block):
    order = draw_order(n, 5, 2, block)
    assert sorted(order.tolist()) == list(range(n))
    assert np.array_equal(order, draw_order(n, 5, 2, block))
    if n > 50:
        assert not np.array_equal(order, draw_order(n, 5, 3, block))
        assert not np.array_equal(order, draw_order(n, 6, 2, block))


def test_blocks_stay_together():
    order = draw_order(100, 5, 2, 20)
    assert (np.diff(order.reshape(5, 20), axis=1) == 1).all()


def test_symbols_with_the_same_days_are_shuffled_alike():
    order = draw_order(10, 1, 0)
    assert np.array_equal(order_within(order, np.arange(10)), order)
    later = np.arange(4, 10)
    own = order_within(order, later)
    assert sorted(own.tolist()) == list(range(6))
    assert [later[number] for number in own] == [day for day in order if day >= 4]


@pytest.mark.parametrize(
    ("draws", "most", "p", "count", "early"),
    [
        ([2.0] * 50, 199, 1.0, 10, True),
        ([2.0, 0.0] * 40, 199, 10 / 19, 19, True),
        ([0.0] * 19, 19, 0.05, 19, False),
        ([np.nan] * 19, 19, 0.05, 19, False),
        ([0.0] * 18 + [1.0], 19, 0.10, 19, False),
    ],
)
def test_shuffles_end_early_when_the_share_is_known(draws, most, p, count, early):
    result = shuffle_test(1.0, draws, most)
    assert (result.p, result.draws, result.stopped_early) == (pytest.approx(p), count, early)


def test_the_test_waits_for_more_draws():
    assert shuffle_test(1.0, [0.0] * 18, 19) is None


def test_a_metric_that_is_better_when_lower_turns_the_comparison():
    assert shuffle_test(1.0, [0.5] * 10, 199, higher_is_better=False).p == 1.0
    assert shuffle_test(1.0, [1.5] * 19, 19, higher_is_better=False).p == 0.05
