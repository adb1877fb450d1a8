"""docs/verdict.md is true: its example runs, and its numbers are those of the study that the feature was built from."""

import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from batches.verdict.options import CHECKS
from batches.verdict.sentence import State
from tests.batches.verdict.conftest import judge, store_prices
from tests.support import jobs

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8")


@pytest.fixture
def answer(db, queued, published):
    """The verdict of the example on the page."""
    sample = pd.read_csv(ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz")[["date", "AAPL"]].dropna()
    store_prices("AAPL", sample["AAPL"], days=sample["date"].to_numpy(dtype="datetime64[D]"))
    (body,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return judge(jobs.finish(jobs.submit(json.loads(body))))


def test_the_example_has_the_numbers_of_the_page_and_of_the_study(answer):
    assert answer["state"] == "no_better_than_holding"
    assert re.findall(r"```text\n(.*?)\n```", PAGE) == [answer["sentence"]]
    best = answer["best"]
    assert best["index"] == 13  # fast 5, slow 240
    assert best["sharpe"] == pytest.approx(0.701844, abs=6e-7)
    assert best["skew"] == pytest.approx(0.217235, abs=6e-7)
    assert best["kurtosis"] == pytest.approx(10.000830, abs=6e-7)
    assert best["psr"] == pytest.approx(0.999973, abs=6e-7)
    assert best["deflatedSharpe"] == pytest.approx(0.999177, abs=6e-7)
    assert best["minTrackRecordBars"] == pytest.approx(1377.9, abs=0.05)
    assert best["closedTrades"] == 41
    assert answer["luck"]["line"] == pytest.approx(0.155149, abs=6e-7)
    assert answer["holding"]["sharpe"] == pytest.approx(0.651446, abs=6e-7)
    assert answer["stability"]["rankCorrelation"] == pytest.approx(-0.1708, abs=6e-5)
    assert answer["stability"]["earlyWinner"]["early"] == pytest.approx(0.693873, abs=6e-7)
    assert answer["stability"]["earlyWinner"]["late"] == pytest.approx(0.747078, abs=6e-7)
    assert answer["plateau"]["neighbourMedian"] == pytest.approx(0.680432, abs=6e-7)
    assert answer["plateau"]["peakMedian"] == pytest.approx(0.623552, abs=6e-7)
    assert answer["plateau"]["bestRatio"] == pytest.approx(0.8884, abs=6e-5)
    assert answer["plateau"]["onEdge"]
    # Monte Carlo of another generator, and a sample of all splits: within their errors.
    assert answer["holding"]["p"] == pytest.approx(0.8806, abs=3 * np.sqrt(0.88 * 0.12 / 1000))
    assert answer["luck"]["p"] < 0.01
    assert answer["shuffle"]["p"] == pytest.approx(0.291, abs=3 * np.sqrt(0.29 * 0.71 / answer["shuffle"]["draws"]))
    assert answer["pbo"]["value"] == pytest.approx(0.775913, abs=0.03)
    assert answer["pbo"]["probLoss"] == pytest.approx(0.009324, abs=0.01)


def test_the_page_names_every_state_and_every_option():
    for state in get_args(State):
        assert f"| `{state}` |" in PAGE
    for option in CHECKS.keys() - {"benchmark", "step"}:
        assert f"`{option}`" in PAGE
