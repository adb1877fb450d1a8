"""What is measured, for us and for the peers: no package but pandas is needed here."""

import pathlib

import pandas as pd

ROOT = pathlib.Path(__file__).parents[1]
SAMPLE = ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz"
FEES = 0.001
FAST, SLOW = list(range(5, 55)), list(range(60, 260, 2))


def closes():
    """20 shares and the index, 8,313 daily closes each."""
    return pd.read_csv(SAMPLE, index_col="date", parse_dates=True)


def pairs(count):
    """`count` of the 5,000 pairs of windows, spread evenly over them."""
    everything = [(a, b) for a in FAST for b in SLOW]
    return [everything[i * len(everything) // count] for i in range(count)]
