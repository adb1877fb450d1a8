"""Averages over the tests where a metric is defined."""

import numpy as np

from backtester.engine.arrays import Floats


def mean(values: Floats) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
