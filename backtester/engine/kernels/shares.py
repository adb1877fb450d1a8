"""How many shares an order is for, where only whole ones are traded."""

import numpy as np

from backtester.engine.jit import inline


@inline
def whole_nb(shares: float) -> float:
    """Rounded down, shares >= 0; a hair of tolerance, so that cash for exactly ten shares buys ten."""
    return float(np.floor(shares * (1.0 + 1e-12)))
