"""Bootstrap of the best of a whole family of tests, with all their correlations.

Replicates draw whole blocks of time, the same ones for every row. Source: H. White, A Reality Check for Data Snooping,
2000, with equal blocks in place of the stationary bootstrap, because they need the sums of the returns of each block
alone; against holding studentized as P. Hansen, A Test for Superior Predictive Ability, 2005.
"""

import math
from functools import lru_cache

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import kernel, leaf
from backtester.engine.statistics.sharpe import FLAT
from backtester.engine.tolerance import VARIANCE

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
    variance = np.where(variance > np.maximum(VARIANCE * second, FLAT), variance, np.nan)
    deviation = np.sqrt(variance)
    deviations = (squares - 2.0 * mean * sums + counts * mean**2) / variance - counts
    psi: Floats = ((sums - counts * mean) / deviation - mean / deviation / 2.0 * deviations) / n
    return psi


def lead_over(psi: Floats, sharpes: Floats, held: Floats, held_sharpe: float) -> tuple[Floats, Floats]:
    """Return the deviation of each row's lead over holding, and the lead divided by it, float64[rows] each.

    held : float64[groups], the influence of holding. NaN for a row that does not differ from holding.
    """
    difference = psi - held
    deviation = math.sqrt(difference.shape[1]) * np.std(difference, axis=1, ddof=1)
    deviation = np.where(deviation > 1e-12 * np.abs(psi).max(axis=1, initial=0.0), deviation, np.nan)
    return deviation, (sharpes - held_sharpe) / deviation


@kernel
def raise_maxima_nb(
    psi: Floats, weights: Floats, scale: float, maxima: Floats, held: Floats, deviations: Floats, leads: Floats
) -> None:
    """Raise the maxima of each replicate to those of these rows; rows with NaN are left out.

    psi : float64[rows, groups]; weights : float64[groups, replicates]; held : float64[replicates], of holding
    deviations : float64[rows], of the lead over holding; maxima, leads : float64[replicates]

    With y = sum over groups of weights[group, replicate] * psi[row, group], the maxima are those of scale * y, and the
    leads those of (y - held[replicate]) / deviations[row]. Their bits do not depend on how the rows are cut. Here two
    rows and eight groups at a time, in slices, which the compiler turns into vectors.
    """
    rows, groups = psi.shape
    whole = groups - groups % 8
    sums = np.empty((2, TILE))
    one, two = sums[0], sums[1]
    for start in range(0, len(maxima), TILE):
        stop = min(start + TILE, len(maxima))
        size = stop - start
        for row in range(0, rows, 2):
            p, q = psi[row], psi[min(row + 1, rows - 1)]
            one[:size], two[:size] = 0.0, 0.0
            for g in range(0, whole, 8):
                a, b = weights[g, start:stop], weights[g + 1, start:stop]
                c, d = weights[g + 2, start:stop], weights[g + 3, start:stop]
                w, x = weights[g + 4, start:stop], weights[g + 5, start:stop]
                y, z = weights[g + 6, start:stop], weights[g + 7, start:stop]
                p0, p1, p2, p3 = p[g], p[g + 1], p[g + 2], p[g + 3]
                p4, p5, p6, p7 = p[g + 4], p[g + 5], p[g + 6], p[g + 7]
                q0, q1, q2, q3 = q[g], q[g + 1], q[g + 2], q[g + 3]
                q4, q5, q6, q7 = q[g + 4], q[g + 5], q[g + 6], q[g + 7]
                for at in range(size):
                    one[at] += ((a[at] * p0 + b[at] * p1) + (c[at] * p2 + d[at] * p3)) + (
                        (w[at] * p4 + x[at] * p5) + (y[at] * p6 + z[at] * p7)
                    )
                    two[at] += ((a[at] * q0 + b[at] * q1) + (c[at] * q2 + d[at] * q3)) + (
                        (w[at] * q4 + x[at] * q5) + (y[at] * q6 + z[at] * q7)
                    )
            for g in range(whole, groups):
                for at in range(size):
                    one[at] += weights[g, start + at] * p[g]
                    two[at] += weights[g, start + at] * q[g]
            for number in range(min(2, rows - row)):
                _raise_nb(
                    sums[number, :size], scale, maxima[start:stop], held[start:stop], deviations[row + number],
                    leads[start:stop],
                )  # fmt: skip


@leaf
def _raise_nb(sums: Floats, scale: float, maxima: Floats, held: Floats, deviation: float, leads: Floats) -> None:
    one_over = 1.0 / deviation
    for at in range(len(sums)):
        value, lead = scale * sums[at], (sums[at] - held[at]) * one_over
        maxima[at] = value if value > maxima[at] else maxima[at]
        leads[at] = lead if lead > leads[at] else leads[at]


def p_value(maxima: Floats, observed: float) -> float:
    """Return the share of replicates that reach what was observed, the observation itself counted as one."""
    return (1 + int(np.sum(maxima >= observed))) / (len(maxima) + 1)
