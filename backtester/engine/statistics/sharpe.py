"""How sure a single Sharpe ratio is, given its length and the shape of its returns."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.tolerance import RETURN, VARIANCE

FLAT = RETURN * RETURN  # a variance of returns within this, or within VARIANCE of their mean square, is rounding
normal_cdf = NormalDist().cdf
normal_quantile = NormalDist().inv_cdf


@dataclass(frozen=True)
class Moments:
    """The moments of the bar returns of one test.

    n : number of returns; sharpe : mean over deviation (ddof 1), per bar, NaN where it is undefined
    skew, kurtosis : biased moment ratios; the kurtosis is raw, 3 for a normal distribution
    """

    n: int
    sharpe: float
    skew: float
    kurtosis: float


def moments(returns: Floats) -> Moments:
    """Return the moments of bar returns, float64[n]. All but n are NaN under two returns or without variation."""
    n = len(returns)
    undefined = Moments(n, math.nan, math.nan, math.nan)
    if n < 2:
        return undefined
    mean = float(returns.mean())
    deviations = returns - mean
    second = float(np.mean(deviations**2))
    if second <= max(VARIANCE * float(np.mean(returns**2)), FLAT):
        return undefined
    sharpe = mean / math.sqrt(second * n / (n - 1))
    skew = float(np.mean(deviations**3)) / second**1.5
    return Moments(n, sharpe, skew, float(np.mean(deviations**4)) / second**2)


def probabilistic_sharpe(of: Moments, benchmark: float = 0.0) -> float:
    """Return the confidence that the Sharpe ratio is above a benchmark, both per bar. NaN where it is undefined.

    Source: D. Bailey, M. Lopez de Prado, The Sharpe Ratio Efficient Frontier, 2012. Its authors' revision of 2025 puts
    the benchmark inside the root and n for n - 1, which gives other numbers.
    """
    spread = _spread(of)
    if of.n < 2 or not spread > 0.0:
        return math.nan
    return normal_cdf((of.sharpe - benchmark) * math.sqrt(of.n - 1) / math.sqrt(spread))


def minimum_track_record(of: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Return the number of bars after which the Sharpe ratio would be above the benchmark with that confidence.

    Infinite if it is not above the benchmark. Source: as `probabilistic_sharpe`.
    """
    spread = _spread(of)
    if not spread > 0.0:
        return math.nan
    if of.sharpe <= benchmark:
        return math.inf
    return 1.0 + spread * (normal_quantile(confidence) / (of.sharpe - benchmark)) ** 2


def _spread(of: Moments) -> float:
    """Return n times the variance of the estimated Sharpe ratio."""
    return 1.0 - of.skew * of.sharpe + (of.kurtosis - 1.0) / 4.0 * of.sharpe**2
