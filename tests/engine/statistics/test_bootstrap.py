"""The bootstrap of the best against a slow twin, and what it must not depend on."""

import numpy as np
import pytest

from backtester.engine.statistics.bootstrap import (
    draw_weights,
    groups_for,
    influence,
    lead_over,
    p_value,
    raise_maxima_nb,
)
from tests.engine.statistics.test_overfitting import family


def returns(seed=3, rows=20, bars=640, edge=0.0):
    values = np.random.RandomState(seed).standard_normal((bars, rows)) * 0.01
    values[:, 4] += edge
    return values


def slow_influence(returns, groups):
    """From the definition, bar by bar."""
    mean, deviation = returns.mean(axis=0), returns.std(axis=0)
    standard = (returns - mean) / deviation
    psi = standard - mean / deviation / 2 * (standard**2 - 1)
    return np.array([part.sum(axis=0) for part in np.split(psi, groups)]).T / len(returns)


def maxima_of(psi, weights, *, parts=1, scale=1.0, held=0.0, deviations=1.0, leads=False):
    """The maxima of all rows, which come in parts; or those of their leads over holding."""
    maxima, lead_maxima = np.full((2, weights.shape[1]), -np.inf)
    held, deviations = np.full(weights.shape[1], held), np.zeros(len(psi)) + deviations
    for rows in np.array_split(np.arange(len(psi)), parts):
        raise_maxima_nb(psi[rows], weights, scale, maxima, held, deviations[rows], lead_maxima)
    return lead_maxima if leads else maxima


def test_influence_needs_only_the_sums_of_the_blocks():
    values = returns()
    assert influence(*family(values, 32)) == pytest.approx(slow_influence(values, 32), rel=1e-9, abs=1e-15)
    assert influence(*family(values, 32)).sum(axis=1) == pytest.approx(np.zeros(20), abs=1e-15)


def test_influence_is_what_dropping_a_block_changes_to_first_order():
    values = returns(bars=6400)
    psi = influence(*family(values, 64))
    without = np.delete(values, slice(0, 100), axis=0)
    sharpe, rest = (sample.mean(axis=0) / sample.std(axis=0) for sample in (values, without))
    assert psi[:, 0] == pytest.approx((sharpe - rest) * 63 / 64, abs=2e-4)


def test_maxima_match_a_plain_product():
    psi, weights = influence(*family(returns(), 32)), draw_weights(32, 300, 1)
    assert maxima_of(psi, weights) == pytest.approx((psi @ weights).max(axis=0), rel=1e-12)
    assert maxima_of(psi, weights, scale=16.0) == pytest.approx((16.0 * psi @ weights).max(axis=0), rel=1e-12)


@pytest.mark.parametrize("groups", [32, 37, 128])
def test_leads_match_a_plain_product_of_studentized_rows(groups):
    psi, weights = np.random.RandomState(5).standard_normal((21, groups)), draw_weights(groups, 300, 1)
    held, deviations = psi[3] * 0.9, np.linspace(0.5, 2.0, 21)
    deviations[7] = np.nan
    drawn = held @ weights
    maxima, leads = np.full((2, 300), -np.inf)
    raise_maxima_nb(psi, weights, 1.0, maxima, drawn, deviations, leads)
    studentized = np.delete((psi - held) / deviations[:, None], 7, axis=0)
    assert leads == pytest.approx((studentized @ weights).max(axis=0), rel=1e-9)
    assert maxima == pytest.approx((psi @ weights).max(axis=0), rel=1e-9)


def test_copies_permutations_and_cuts_of_rows_change_no_bit():
    psi, weights = influence(*family(returns(), 32)), draw_weights(32, 300, 1)
    whole = maxima_of(psi, weights)
    assert np.array_equal(whole, maxima_of(psi[::-1].copy(), weights))
    assert np.array_equal(whole, maxima_of(np.vstack([psi, psi]), weights))
    assert np.array_equal(whole, maxima_of(psi, weights, parts=7))
    deviations = np.linspace(1.0, 2.0, len(psi))
    leads = maxima_of(psi, weights, deviations=deviations, leads=True)
    assert np.array_equal(leads, maxima_of(psi, weights, deviations=deviations, leads=True, parts=7))


def test_rows_without_variation_are_left_out():
    values = returns()
    values[:, 7] = 0.0
    psi = influence(*family(values, 32))
    assert np.isnan(psi[7]).all()
    weights = draw_weights(32, 100, 1)
    assert np.array_equal(maxima_of(psi, weights), maxima_of(np.delete(psi, 7, axis=0), weights))


@pytest.mark.parametrize(("edge", "low", "high"), [(0.0, 0.05, 1.0), (0.0024, 0.0, 0.02)])
def test_a_planted_row_is_found_and_noise_is_not(edge, low, high):
    values = returns(edge=edge)
    counts, sums, squares = family(values, 32)
    psi = influence(counts, sums, squares)
    best = (values.mean(axis=0) / values.std(axis=0, ddof=1)).max()
    assert low <= p_value(maxima_of(psi, draw_weights(32, 1000, 1)), best) <= high


def test_nominal_size_on_noise():
    p_values = []
    for seed in range(120):
        values = returns(seed=1000 + seed)
        psi = influence(*family(values, 32))
        best = (values.mean(axis=0) / values.std(axis=0, ddof=1)).max()
        p_values.append(p_value(maxima_of(psi, draw_weights(32, 300, seed)), best))
    assert np.mean(np.array(p_values) <= 0.05) <= 0.13  # nominal 5 %, measured 6 to 8 %


def test_rows_equal_to_holding_have_no_lead():
    values = returns()
    counts, sums, squares = family(values, 32)
    psi = influence(counts, sums, squares)
    sharpes = values.mean(axis=0) / values.std(axis=0, ddof=1)
    deviation, lead = lead_over(psi, sharpes, psi[4], sharpes[4])
    assert np.isnan(lead[4])
    assert np.isnan(deviation[4])
    assert np.delete(deviation, 4) == pytest.approx(np.delete((psi - psi[4]).std(axis=1, ddof=1), 4) * 32**0.5)
    assert np.sign(np.delete(lead, 4)).tolist() == np.sign(np.delete(sharpes, 4) - sharpes[4]).tolist()


def test_the_observation_counts_as_one_draw():
    assert p_value(np.zeros(99), 1.0) == 0.01
    assert p_value(np.ones(99), 1.0) == 1.0


@pytest.mark.parametrize(("bars", "groups"), [(8313, 128), (2499, 64), (699, 32)])
def test_short_histories_have_fewer_blocks(bars, groups):
    assert groups_for(bars) == groups


def test_weights_are_multinomial_counts_less_one():
    weights = draw_weights(64, 50, 9)
    assert weights.shape == (64, 50)
    assert weights.sum(axis=0) == pytest.approx(np.zeros(50))
    assert weights.min() == -1
