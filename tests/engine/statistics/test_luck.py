"""Formulas about luck against the examples that their papers print, and the mistakes they warn of."""

import math

import numpy as np
import pytest

from backtester.engine.statistics.luck import (
    Tally,
    deflated_sharpe,
    expected_maximum,
    luck_line,
    minimum_backtest_years,
    tries_allowed,
    tries_of_maximum,
)
from backtester.engine.statistics.sharpe import Moments, minimum_track_record, moments, probabilistic_sharpe

PAPER = Moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0)  # Bailey and Lopez de Prado 2014, section "A numerical example"


@pytest.mark.parametrize(
    ("tries", "value"),
    [(10, 0.993880), (46, 0.950502), (88, 0.910153), (100, 0.900397), (1000, 0.639915), (10**6, 0.044371)],
)
def test_deflated_sharpe_reproduces_the_example_of_its_paper(tries, value):
    assert deflated_sharpe(PAPER, 0.5 / 250, tries) == pytest.approx(value, abs=6e-7)


def test_the_luck_line_reproduces_the_example_of_the_paper():
    assert luck_line(0.5 / 250, 100) * math.sqrt(250) == pytest.approx(1.789406, abs=6e-7)


def test_excess_kurtosis_would_give_another_number():
    excess = Moments(PAPER.n, PAPER.sharpe, PAPER.skew, PAPER.kurtosis - 3)
    assert deflated_sharpe(excess, 0.5 / 250, 100) == pytest.approx(0.901779, abs=6e-7)


@pytest.mark.parametrize(
    ("tries", "value"),
    [(1, 0.0), (2, 0.519755), (10, 1.574598), (100, 2.530603), (5000, 3.687703), (10**6, 4.867860)],
)
def test_expected_maximum_of_so_many_tries(tries, value):
    assert expected_maximum(tries) == pytest.approx(value, abs=6e-7)


@pytest.mark.parametrize(("tries", "exact"), [(10, 1.538753), (100, 2.507594), (5000, 3.677559)])
def test_expected_maximum_is_near_the_integral(tries, exact):
    x = np.linspace(0, 12, 12_001)
    above, below = (np.array([0.5 * math.erfc(sign * v / math.sqrt(2)) for v in x]) ** tries for sign in (-1, 1))
    integral = np.trapezoid(1 - above, x) - np.trapezoid(below, x)
    assert integral == pytest.approx(exact, abs=1e-6)
    assert exact < expected_maximum(tries) < exact * 1.024


@pytest.mark.parametrize(
    ("tries", "years"),
    [(10, 2.4794), (45, 4.9981), (46, 5.0363), (100, 6.4040), (5000, 13.5992), (10**6, 23.6961)],
)
def test_minimum_backtest_length_reproduces_its_paper(tries, years):
    assert minimum_backtest_years(tries) == pytest.approx(years, abs=6e-5)


def test_tries_allowed_is_the_inverse_of_the_minimum_length():
    assert int(tries_allowed(5.0)) == 45
    for tries in (2, 46, 5000, 1e9):
        assert tries_allowed(minimum_backtest_years(tries)) == pytest.approx(tries, rel=1e-6)
    assert tries_of_maximum(0.0) == 1.0


@pytest.mark.parametrize(
    ("annual", "bars", "skew", "kurtosis", "years"),
    [(2, 252, 0, 3, 2.7310), (2, 52, 0, 3, 2.8288), (2, 12, 0, 3, 3.2398), (2, 12, -0.72, 5.78, 4.9913)],
)
def test_minimum_track_record_reproduces_its_paper(annual, bars, skew, kurtosis, years):
    of = Moments(10**6, annual / math.sqrt(bars), skew, kurtosis)
    assert minimum_track_record(of, 1 / math.sqrt(bars)) / bars == pytest.approx(years, abs=6e-5)


def test_probabilistic_sharpe_of_a_short_skewed_series():
    of = Moments(24, 0.036 / 0.079, -2.448, 10.164)
    assert probabilistic_sharpe(of) == pytest.approx(0.912709, abs=6e-7)
    assert probabilistic_sharpe(of, 0.1) == pytest.approx(0.855361, abs=6e-7)
    assert minimum_track_record(of) == pytest.approx(34.7614, abs=6e-5)


def test_no_track_record_is_long_enough_for_a_ratio_below_the_benchmark():
    assert minimum_track_record(Moments(100, 0.05, 0.0, 3.0), 0.05) == math.inf


def test_moments_match_their_definitions():
    returns = np.random.RandomState(5).standard_t(4, 400) * 0.01 + 0.001
    of = moments(returns)
    deviations = returns - returns.mean()
    assert of.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-13)
    assert of.skew == pytest.approx(np.mean(deviations**3) / returns.std() ** 3, rel=1e-12)
    assert of.kurtosis == pytest.approx(np.mean(deviations**4) / returns.std() ** 4, rel=1e-12)
    tripled = moments(3 * returns)
    assert probabilistic_sharpe(tripled) == pytest.approx(probabilistic_sharpe(of), rel=1e-12)


@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 50, [0.01] * 50, [1e-3 + 1e-18] * 9])
def test_series_without_variation_have_no_number(returns):
    of = moments(np.array(returns))
    assert math.isnan(of.sharpe)
    assert math.isnan(probabilistic_sharpe(of))
    assert math.isnan(minimum_track_record(of))


def test_tallies_add_up_in_any_order_and_leave_out_what_is_undefined():
    values = np.random.RandomState(2).normal(0.03, 0.02, 1000)
    values[::7] = np.nan
    whole = Tally.of(values)
    parts = [Tally.of(part) for part in np.array_split(values, 13)]
    for order in (parts, parts[::-1]):
        merged = sum(order, Tally())
        assert merged.n == whole.n == np.isfinite(values).sum()
        assert merged.mean == pytest.approx(np.nanmean(values), rel=1e-13)
        assert merged.variance == pytest.approx(np.nanvar(values, ddof=1), rel=1e-12)
    assert math.isnan(Tally.of(np.array([0.1])).variance)
    assert Tally() + Tally() == Tally()
