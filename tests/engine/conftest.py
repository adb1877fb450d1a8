import pathlib

import pandas as pd
import pytest

import backtester

SAMPLE = pathlib.Path(backtester.__file__).parent / "sample_data" / "sp500_20_close.csv.gz"


@pytest.fixture(scope="session")
def real_closes():
    """The project's sample prices: 20 shares and the index, 8,313 days."""
    return pd.read_csv(SAMPLE, index_col="date", parse_dates=True)
