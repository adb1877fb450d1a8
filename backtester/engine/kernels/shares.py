"""Round orders to whole shares."""

import numpy as np

from backtester.engine.jit import inline


@inline
def whole_nb(shares: float) -> float:
    """Round shares >= 0 down, with a tolerance: cash for exactly ten shares buys ten."""
    return float(np.floor(shares * (1.0 + 1e-12)))
