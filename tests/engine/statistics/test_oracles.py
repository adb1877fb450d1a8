"""The bootstrap against that of arch, and the confidence in a Sharpe ratio against that of quantstats."""

import warnings

import numpy as np
import pytest

from backtester.engine.statistics.bootstrap import draw_weights, influence, p_value
from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.sharpe import moments, probabilistic_sharpe
from tests.engine.statistics.test_bootstrap import maxima_of, returns
from tests.engine.statistics.test_overfitting import family

GROUPS, REPLICATES = 32, 2_000


@pytest.mark.parametrize("edge", [0.0, 0.0009, 0.0012])
@pytest.mark.parametrize("method", ["circular", "stationary"])
def test_the_p_of_the_best_is_that_of_the_reality_check_of_arch(edge, method):
    """Its rows are what each bar adds to a Sharpe ratio, so that the mean that it tests is the ratio, as in ours."""
    from arch.bootstrap import RealityCheck

    values = returns(edge=edge)
    counts, sums, squares = family(values, GROUPS)
    sharpes = sharpe_of_sums(counts.sum(), sums.sum(axis=1), squares.sum(axis=1))
    psi = influence(counts, sums, squares)
    ours = p_value(maxima_of(psi, draw_weights(GROUPS, REPLICATES, 1)), sharpes.max())
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    standard = (values - mean) / deviation
    gains = sharpes + standard - mean / deviation / 2 * (standard**2 - 1)
    check = RealityCheck(
        np.zeros(len(values)), -gains, block_size=len(values) // GROUPS, reps=REPLICATES, bootstrap=method, seed=1,
        studentize=False,
    )  # fmt: skip
    check.compute()
    theirs = float(check.pvalues["upper"])
    error = np.sqrt(2 * max(theirs * (1 - theirs), 0.01) / REPLICATES)
    assert ours == pytest.approx(theirs, abs=4 * error + 0.02)  # 0.02: their blocks start anywhere


def test_the_confidence_in_a_sharpe_ratio_is_that_of_quantstats():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports what it does not need
        import pandas as pd
        import quantstats.stats as qs
    values = np.random.RandomState(7).standard_t(5, 2_000) * 0.01 + 0.0003
    theirs = qs.probabilistic_sharpe_ratio(pd.Series(values), rf=0.0, periods=252, annualize=False, smart=False)
    assert probabilistic_sharpe(moments(values)) == pytest.approx(theirs, abs=2e-4)  # it corrects for bias
