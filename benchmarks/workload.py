"""What is measured, for us and for the peers: no package but pandas is needed here."""

import pathlib

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).parents[1]
SAMPLE = ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz"
FEES = 0.001
FAST, SLOW = list(range(5, 55)), list(range(60, 260, 2))
MINUTES = 2_600_000  # bars: five years of a 24-hour market
MINUTE_FAST, MINUTE_SLOW, MINUTE_FEES = range(10, 210, 10), range(500, 5_000, 180), 0.0001


def closes():
    """20 shares and the index, 8,313 daily closes each."""
    return pd.read_csv(SAMPLE, index_col="date", parse_dates=True)


def walk(count):
    """A synthetic walk of so many minutes."""
    moves = np.random.default_rng(1).normal(-3.2e-7, 0.0008, count)
    return np.round(100 * np.exp(np.cumsum(moves)), 4)


def pairs(count, fast=FAST, slow=SLOW):
    """`count` of the pairs of windows, spread evenly over them."""
    everything = [(a, b) for a in fast for b in slow]
    return [everything[i * len(everything) // count] for i in range(count)]
