"""One time axis for all series of a batch: blocks and shuffles are by moment, so that series stay together."""

from dataclasses import dataclass

import numpy as np

from backtester.engine import Prices
from backtester.engine.arrays import Floats, Ints
from backtester.engine.bar_sizes import DAYS_IN_A_YEAR
from backtester.engine.zones import DAY_NS

LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Calendar:
    """moments : int64[n], those of the returns of all series, increasing; a return belongs to the bar that ends it"""

    moments: Ints

    @classmethod
    def of(cls, series: list[Prices]) -> "Calendar":
        moments = [prices.moments[1:] for prices in series]
        return cls(moments[0] if len(moments) == 1 else np.unique(np.concatenate(moments)))

    def __len__(self) -> int:
        return len(self.moments)

    @property
    def years(self) -> float:
        return float(self.moments[-1] - self.moments[0]) / DAY_NS / DAYS_IN_A_YEAR if len(self) else 0.0

    def bars_at(self, prices: Prices, edges: Ints) -> Ints:
        """Return the bar number of a series at each edge. edges : int64[m], positions in the moments, or the length"""
        is_within = edges < len(self)
        bounds = np.full(len(edges), LAST)
        bounds[is_within] = self.moments[edges[is_within]]
        bars: Ints = 1 + np.searchsorted(prices.moments[1:], bounds)
        return bars

    def present(self, prices: Prices) -> Ints:
        """Return the positions of the moments at which a series has a return."""
        positions: Ints = np.searchsorted(self.moments, prices.moments[1:])
        return positions


def returns_of(equity: Floats) -> Floats:
    """Return float64[n_bars - 1], the returns of an equity curve; 0 after nothing is left."""
    before = equity[:-1]
    return np.divide(equity[1:], before, out=np.ones_like(before), where=before > 0) - 1.0
