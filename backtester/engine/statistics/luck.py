"""What luck alone would show for the best of N tries."""

import math
from dataclasses import dataclass

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.statistics.sharpe import Moments, normal_quantile, probabilistic_sharpe

EULER = 0.57721566490153286
MOST_TRIES = 1e300


@dataclass(frozen=True)
class Tally:
    """Number, mean and sum of squared deviations of the Sharpe ratios of many tests. Tallies add up in any order."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0

    @classmethod
    def of(cls, values: Floats) -> "Tally":
        """Return the tally of the defined values of float64[n]."""
        defined = values[np.isfinite(values)]
        if not defined.size:
            return cls()
        mean = float(defined.mean())
        return cls(int(defined.size), mean, float(np.sum((defined - mean) ** 2)))

    def __add__(self, other: "Tally") -> "Tally":
        """Source: T. Chan, G. Golub, R. LeVeque, Updating Formulae and a Pairwise Algorithm, 1979."""
        n = self.n + other.n
        if not n:
            return self
        gap = other.mean - self.mean
        mean = self.mean + gap * other.n / n
        return Tally(n, mean, self.m2 + other.m2 + gap**2 * self.n * other.n / n)

    @property
    def variance(self) -> float:
        """The variance (ddof 1), NaN under two values."""
        return self.m2 / (self.n - 1) if self.n > 1 else math.nan


def expected_maximum(tries: float) -> float:
    """Return the expected maximum of so many independent standard normal values, 0 for a single one.

    An approximation: 2.3 % above the exact integral at 10 tries, 0.1 % at a million, 8 % below it at 2.
    Source: D. Bailey, M. Lopez de Prado, The Deflated Sharpe Ratio, 2014, equation 5.
    """
    if tries <= 1.0:
        return 0.0
    # -quantile(p) = quantile(1 - p), without the digits that 1 - p loses
    return -(1.0 - EULER) * normal_quantile(1.0 / tries) - EULER * normal_quantile(1.0 / (tries * math.e))


def luck_line(variance: float, tries: float) -> float:
    """Return the Sharpe ratio that the best of so many tests without skill would show, in the unit of the variance.

    variance : of the Sharpe ratios of the tests. It has lost what all tests have in common, so `tries` is their plain
    number: a smaller "effective" one would count their correlation twice.
    """
    return math.sqrt(variance) * expected_maximum(tries)


def deflated_sharpe(best: Moments, variance: float, tries: float) -> float:
    """Return the confidence that the best of many tests is above what luck alone would show; no probability of skill.

    variance : of the Sharpe ratios per bar of the tests. Source: as `expected_maximum`.
    """
    return probabilistic_sharpe(best, luck_line(variance, tries))


def minimum_backtest_years(tries: float, sharpe: float = 1.0) -> float:
    """Return the years of prices that so many independent tries need before luck alone stays below a yearly Sharpe.

    Source: D. Bailey, J. Borwein, M. Lopez de Prado, Q. Zhu, Pseudo-Mathematics and Financial Charlatanism, 2014.
    """
    return (expected_maximum(tries) / sharpe) ** 2


def tries_allowed(years: float, sharpe: float = 1.0) -> float:
    """Return the number of independent tries for which `minimum_backtest_years` is that long."""
    return tries_of_maximum(math.sqrt(years) * sharpe)


def tries_of_maximum(maximum: float) -> float:
    """Return the number of tries whose expected maximum is that; the inverse of `expected_maximum`."""
    if maximum <= 0.0:
        return 1.0
    low, high = 0.0, math.log(MOST_TRIES)
    for _ in range(200):
        middle = (low + high) / 2
        if expected_maximum(math.exp(middle)) < maximum:
            low = middle
        else:
            high = middle
    return math.exp(low)
