"""Prices to test on: seeded walks, and the hard ones."""

import numpy as np

from backtester.engine import Prices


def dates(n_bars):
    """Business days from 2001-01-01."""
    return np.busday_offset("2001-01-01", np.arange(n_bars), roll="forward")


def walk(n_bars, seed=1, volatility=0.03, decimals=2):
    """Closes with few decimals, as real ones, so that ties happen."""
    rng = np.random.default_rng(seed)
    return np.maximum(np.round(50 * np.exp(np.cumsum(rng.normal(0, volatility, n_bars))), decimals), 0.01)


def prices(close, *, opens=None, symbol="TEST"):
    close = np.asarray(close, dtype=float)
    if opens is None:
        return Prices(symbol, dates(len(close)), close)
    opens = np.asarray(opens, dtype=float)
    return Prices(
        symbol, dates(len(close)), close, open=opens, high=np.maximum(close, opens), low=np.minimum(close, opens)
    )


def gappy(close, seed=3):
    """Opens off the last close by a random gap."""
    gaps = np.random.default_rng(seed).normal(0, 0.02, len(close))
    before = np.concatenate((close[:1], close[:-1]))
    return np.round(before * np.exp(gaps), 2).clip(0.01)


HARD = {
    "a walk": walk(260),
    "a calm walk": walk(260, seed=5, volatility=0.002),
    "a wild walk": walk(260, seed=8, volatility=0.2),
    "flat": np.full(90, 12.5),
    "straight up": 10.0 * 1.01 ** np.arange(120),
    "straight down": 400.0 * 0.98 ** np.arange(120),
    "a tenfold jump": np.concatenate((np.full(60, 5.0), np.full(60, 50.0))),
    "a zigzag": np.where(np.arange(130) % 2 == 0, 20.0, 21.0),
    "64 bars": walk(64, seed=2),
    "65 bars": walk(65, seed=2),
}
