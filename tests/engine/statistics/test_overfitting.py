"""The probability of overfitting against printed values, a slow twin and known truths."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from backtester.engine.statistics.overfitting import (
    Winners,
    choose_splits,
    count_below_nb,
    find_winners_nb,
    overfitting,
)
from backtester.engine.statistics.partitions import equal_edges, sharpe_of_sums

ALL = 20_000


def family(returns, blocks):
    """Return counts, sums, squares over equal blocks. returns : float64[bars, rows]"""
    edges = equal_edges(len(returns), blocks)
    starts = edges[:-1]
    counts = np.diff(edges).astype(float)
    return counts, np.add.reduceat(returns, starts).T.copy(), np.add.reduceat(returns**2, starts).T.copy()


def probability(returns, blocks, *, splits=None, cuts=(0,), scale=1.0):
    counts, sums, squares = family(returns, blocks)
    masks = choose_splits(blocks, ALL, 1) if splits is None else splits
    rows = len(sums)
    included = sharpe_of_sums(counts.sum(), sums.sum(axis=1), squares.sum(axis=1)) != 0
    winners = Winners.none(len(masks))
    below, equal = (np.zeros(len(masks), dtype=np.int64) for _ in range(2))
    bounds = [*cuts, rows]
    for first, last in reversed(list(pairwise(bounds))):
        part = Winners.none(len(masks))
        cut = (counts, sums[first:last], squares[first:last], scale, included[first:last])
        find_winners_nb(*cut, first, masks, part.sharpe, part.index, part.outside, part.gain)
        winners.merge(part)
    for first, last in pairwise(bounds):
        cut = (counts, sums[first:last], squares[first:last], scale, included[first:last])
        count_below_nb(*cut, masks, winners.outside, below, equal)
    return overfitting(winners, below, equal, int(included.sum())), winners, below, equal


def slow(returns, blocks):
    """The same from the definition, bar by bar."""
    edges = equal_edges(len(returns), blocks)
    parts = [returns[a:b] for a, b in pairwise(edges)]

    def sharpes(chosen):
        union = np.concatenate([parts[number] for number in chosen])
        deviation = union.std(axis=0, ddof=1)
        return np.divide(union.mean(axis=0), deviation, out=np.zeros(union.shape[1]), where=deviation > 1e-12), union

    logits, losses = [], []
    for half in combinations(range(blocks), blocks // 2):
        inside, _ = sharpes(half)
        outside, union = sharpes([number for number in range(blocks) if number not in half])
        winner = int(np.argmax(inside))
        rank = np.sum(outside < outside[winner]) + (np.sum(outside == outside[winner]) + 1) / 2
        share = rank / (len(outside) + 1)
        logits.append(np.log(share / (1 - share)))
        losses.append(union[:, winner].mean() < 0)
    return np.mean(np.array(logits) <= 0), np.mean(losses)


def noise(rows=50, bars=1000):
    return np.random.RandomState(1).standard_normal((bars, rows)) * 0.01


@pytest.mark.parametrize(
    ("blocks", "value", "loss"), [(8, 0.257143, 0.2429), (10, 0.301587, 0.2817), (16, 0.264724, 0.2579)]
)
def test_noise_has_the_recorded_probability(blocks, value, loss):
    found, *_ = probability(noise(), blocks)
    assert found.probability == pytest.approx(value, abs=6e-7)
    assert found.loss == pytest.approx(loss, abs=6e-5)


@pytest.mark.parametrize(("edge", "blocks", "value"), [(0.002, 8, 0.0), (0.002, 16, 0.003186), (0.0006, 16, 0.267910)])
def test_a_planted_row_lowers_the_probability(edge, blocks, value):
    returns = noise()
    returns[:, 7] += edge
    assert probability(returns, blocks)[0].probability == pytest.approx(value, abs=6e-7)


def test_blocks_of_unequal_length_drop_nothing():
    assert probability(noise(bars=1003), 16)[0].probability == pytest.approx(0.260917, abs=6e-7)


def test_demeaned_columns_would_always_be_overfit():
    returns = noise()
    assert probability(returns - returns.mean(axis=0), 10)[0].probability == 1.0


HAND = np.array([[1, 2, 3], [2, 0, 1], [3, -1, 0], [1, 1, 2], [0, 2, -1], [1, 3, 1], [2, 1, 0], [-1, 2, 4]]) / 100


def test_a_family_worked_by_hand():
    found, winners, below, equal = probability(HAND, 4)
    order = np.argsort([-int(f"{mask:04b}"[::-1], 2) for mask in choose_splits(4, ALL, 1)])  # halves in their order
    assert winners.index[order].tolist() == [0, 1, 1, 0, 2, 1]
    assert (below + (equal + 1) / 2)[order].tolist() == [1, 1, 2, 1, 1, 1]
    assert found.probability == 1.0


@pytest.mark.parametrize("blocks", [4, 6, 8])
def test_the_kernels_match_the_definition(blocks):
    returns = noise(rows=9, bars=203)
    returns[:, 3] = returns[:, 5]  # a tie
    found, *_ = probability(returns, blocks)
    assert (found.probability, found.loss) == pytest.approx(slow(returns, blocks), abs=1e-12)


def test_the_cut_of_the_rows_changes_no_bit():
    masks = choose_splits(16, 512, 3)
    whole = probability(noise(), 16, splits=masks)
    cut = probability(noise(), 16, splits=masks, cuts=(0, 1, 7, 40))
    assert whole[0].probability == cut[0].probability
    for name in ("sharpe", "index", "outside", "gain"):
        assert np.array_equal(getattr(whole[1], name), getattr(cut[1], name))


def test_copies_of_rows_do_not_hide_a_planted_row():
    returns = noise()
    returns[:, 7] += 0.002
    doubled = np.hstack([returns, returns])
    assert probability(doubled, 16)[0].probability < 0.01


def test_returns_of_another_size_change_nothing():
    assert probability(noise() * 4, 8)[0].probability == probability(noise(), 8)[0].probability


def test_noise_stays_in_the_recorded_band():
    values = [
        probability(np.random.RandomState(100 + seed).standard_normal((1000, 50)) * 0.01, 10)[0].probability
        for seed in range(40)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=0.09)
    assert 0.05 < np.quantile(values, 0.05) < 0.45 < 0.55 < np.quantile(values, 0.95)


def test_random_splits_come_in_pairs_of_complements():
    masks = choose_splits(16, 512, 1)
    assert len(set(masks.tolist())) == 512
    assert set(((1 << 16) - 1 - masks).tolist()) == set(masks.tolist())
    assert {int(mask).bit_count() for mask in masks} == {8}
    assert np.array_equal(masks, choose_splits(16, 512, 1))
    assert len(choose_splits(16, ALL, 1)) == 12_870
