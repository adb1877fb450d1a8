"""Walk-forward by hand, the windows, and the cost of a switch."""

import numpy as np
import pytest

from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.walk_forward import (
    default_lengths,
    matrix_windows,
    single_split,
    stitch,
    switch_bars,
    windows,
)

ROWS = np.array([
    [1, 2, 1, 2, -1, -2, -1, -2, 1, 1, 3, 2, -1],
    [-1, -1, 0, -2, 2, 3, 2, 1, 1, 2, -1, 1, 0],
    [0] * 13,
]) / 100  # fmt: skip


def walk(**options):
    picks, inside, outside = [], [], []
    for window in windows(13, 4, 2, **options):
        train = ROWS[:, window.start : window.train_end]
        bars = np.full(3, float(train.shape[1]))
        pick = int(np.argmax(sharpe_of_sums(bars, train.sum(axis=1), (train**2).sum(axis=1))))
        picks.append(pick)
        inside.append(train[pick])
        outside.append(ROWS[pick, window.test_start : window.test_end])
    return picks, stitch(inside, outside)


def test_rolling_windows_by_hand():
    picks, stitched = walk()
    assert picks == [0, 1, 1, 1, 0]
    assert (stitched.returns * 100).round(9).tolist() == [-1, -2, 2, 1, 1, 2, -1, 1, -1]
    assert stitched.sharpe == pytest.approx(0.150012, abs=6e-7)
    assert stitched.total == pytest.approx(0.019286, abs=6e-7)
    assert stitched.efficiency == pytest.approx(0.148148, abs=6e-7)
    assert stitched.positive == 2


def test_anchored_windows_by_hand():
    picks, stitched = walk(anchored=True)
    assert picks == [0, 0, 1, 1, 1]
    assert (stitched.returns * 100).round(9).tolist() == [-1, -2, -1, -2, 1, 2, -1, 1, 0]
    assert stitched.sharpe == pytest.approx(-0.235702, abs=6e-7)


def test_a_gap_by_hand():
    picks, stitched = walk(gap=1)
    assert picks == [0, 1, 1, 1]
    assert (stitched.returns * 100).round(9).tolist() == [-2, -1, 1, 1, 2, -1, 1, 0]


@pytest.mark.parametrize(("gap", "anchored"), [(0, False), (3, False), (0, True), (5, True)])
def test_no_day_is_tested_twice_or_trained_on_before_its_test(gap, anchored):
    cut = windows(1000, 200, 60, gap=gap, anchored=anchored)
    tested = np.concatenate([np.arange(window.test_start, window.test_end) for window in cut])
    assert tested.tolist() == list(range(200 + gap, 1000))
    assert all(window.train_end + gap == window.test_start for window in cut)
    assert all((window.start == 0) == (anchored or window is cut[0]) for window in cut)


@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("anchored", [False, True])
def test_the_matrix_holds_the_default_windows(gap, anchored):
    for n in (757, 1299, 8312):
        train, test = default_lengths(n)
        cells = matrix_windows(n, test, gap=gap, anchored=anchored)
        assert len(cells) == 16
        assert cells[2 * 4 + 1] == windows(n, train, test, gap=gap, anchored=anchored)


def test_default_windows_follow_the_length():
    assert default_lengths(8312) == (3465, 693)
    assert default_lengths(500) == (315, 63)


def test_a_short_history_is_split_once():
    (window,) = single_split(500)
    assert (window.start, window.train_end, window.test_start, window.test_end) == (0, 350, 350, 500)
    assert single_split(1) == []
    assert single_split(10, gap=5) == []


def test_a_switch_costs_the_first_difference_of_exposure():
    assert switch_bars(np.array([0, 0, 1.0, 1.0]), np.array([0, 0, 0.0, 1.0])) == 1.0
    assert switch_bars(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0.0
    assert switch_bars(np.array([1.0, 1.0]), np.array([-1.0, -1.0])) == 2.0


def test_losses_inside_the_sample_have_no_efficiency():
    assert np.isnan(stitch([np.array([-0.01, -0.02])], [np.array([0.01, 0.02])]).efficiency)
