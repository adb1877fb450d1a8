"""Bootstrap of the best of a whole family of tests, with all their correlations.

Replicates draw whole blocks of time, the same ones for every row. Source: H. White, A Reality Check for Data Snooping,
2000, with equal blocks in place of the stationary bootstrap, because they need the sums of the returns of each block
alone; against holding studentized as P. Hansen, A Test for Superior Predictive Ability, 2005.
"""

import math
from functools import lru_cache

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import kernel
from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.sharpe import ROUNDING

TILE = 256  # replicates at a time, so that their weights stay in the cache


def groups_for(bars: int) -> int:
    """Return the number of blocks of time for so many bars."""
    return 128 if bars >= 2_500 else 64 if bars >= 700 else 32


@lru_cache(maxsize=2)  # each piece of a batch needs the same ones, and drawing them takes as long as a hundred rows
def draw_weights(groups: int, replicates: int, seed: int) -> Floats:
    """Return float64[groups, replicates]: how often a replicate draws each block, less one."""
    counts = np.random.RandomState(seed).multinomial(groups, np.full(groups, 1.0 / groups), size=replicates)
    weights = np.ascontiguousarray(counts.T - 1.0)
    weights.flags.writeable = False
    return weights


def influence(counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """Return float64[rows, groups], what each block adds to a row's Sharpe ratio per bar, first order; a row sums to 0.

    counts : float64[groups], bars; sums, squares : float64[rows, groups] of returns. NaN rows without variation.

    psi_t = (r_t - m) / s - SR / 2 * ((r_t - m)^2 / s^2 - 1), s biased; here summed over the bars of a block.
    """
    n = counts.sum()
    mean = sums.sum(axis=1, keepdims=True) / n
    second = squares.sum(axis=1, keepdims=True) / n
    variance = second - mean**2
    variance = np.where(variance > ROUNDING * second, variance, np.nan)
    deviation = np.sqrt(variance)
    deviations = (squares - 2.0 * mean * sums + counts * mean**2) / variance - counts
    psi: Floats = ((sums - counts * mean) / deviation - mean / deviation / 2.0 * deviations) / n
    return psi


def lead_over(psi: Floats, sharpes: Floats, held: Floats, held_sharpe: float) -> tuple[Floats, Floats]:
    """Return the studentized influence and lead of each row over holding, float64[rows, groups] and float64[rows].

    held : float64[groups], the influence of holding. NaN for a row that does not differ from holding.
    """
    difference = psi - held
    deviation = math.sqrt(difference.shape[1]) * np.std(difference, axis=1, ddof=1)
    deviation = np.where(deviation > 1e-12 * np.abs(psi).max(axis=1, initial=0.0), deviation, np.nan)
    return difference / deviation[:, None], (sharpes - held_sharpe) / deviation


@kernel
def raise_maxima_nb(psi: Floats, weights: Floats, maxima: Floats) -> None:
    """Raise the maximum of each replicate to that of these rows; rows with NaN are left out.

    psi : float64[rows, groups]; weights : float64[groups, replicates]; maxima : float64[replicates]. The bits of a
    maximum do not depend on how the rows are cut.

    maxima[r] = max over rows of sum over groups of weights[group, r] * psi[row, group]; here two rows and four groups
    at a time, in slices, which the compiler turns into vectors: 3.7 times as fast.
    """
    rows, groups = psi.shape
    whole = groups - groups % 4
    one, two = np.empty(TILE), np.empty(TILE)
    for start in range(0, len(maxima), TILE):
        best = maxima[start : start + TILE]
        size, stop = len(best), start + len(best)
        for row in range(0, rows, 2):
            p, q = psi[row], psi[min(row + 1, rows - 1)]
            one[:size], two[:size] = 0.0, 0.0
            for group in range(0, whole, 4):
                w, x = weights[group, start:stop], weights[group + 1, start:stop]
                y, z = weights[group + 2, start:stop], weights[group + 3, start:stop]
                p0, p1, p2, p3 = p[group], p[group + 1], p[group + 2], p[group + 3]
                q0, q1, q2, q3 = q[group], q[group + 1], q[group + 2], q[group + 3]
                for at in range(size):
                    one[at] += (w[at] * p0 + x[at] * p1) + (y[at] * p2 + z[at] * p3)
                    two[at] += (w[at] * q0 + x[at] * q1) + (y[at] * q2 + z[at] * q3)
            for group in range(whole, groups):
                for at in range(size):
                    one[at] += weights[group, start + at] * p[group]
                    two[at] += weights[group, start + at] * q[group]
            for at in range(size):
                best[at] = one[at] if one[at] > best[at] else best[at]
                best[at] = two[at] if two[at] > best[at] else best[at]


def p_value(maxima: Floats, observed: float) -> float:
    """Return the share of replicates that reach what was observed, the observation itself counted as one."""
    return (1 + int(np.sum(maxima >= observed))) / (len(maxima) + 1)


def group_sharpes(counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """Return float64[rows], the Sharpe ratio per bar over all blocks; 0 without variation."""
    total = np.full(len(sums), counts.sum())
    return sharpe_of_sums(total, sums.sum(axis=1), squares.sum(axis=1))
