"""The pages about the engine agree with the declarations, and their example runs."""

import re

import numpy as np

from backtester.engine import STRATEGIES, Grid, Rules, replay, run_slice
from backtester.engine.strategies import _catalog
from tests.engine import pages, synthetic


def page(name):
    return (pages.DOCS / name).read_text(encoding="utf-8")


def test_the_strategies_page_agrees_with_the_declarations():
    assert pages.generated_part(page("strategies.md")) == pages.strategies_part()


def test_the_metrics_page_agrees_with_the_declarations():
    assert pages.generated_part(page("metrics.md")) == pages.metrics_part()


def test_the_example_of_a_user_strategy_runs_and_is_short(tmp_path, monkeypatch):
    source = re.findall(r"```python\n(.*?)```", page("strategies.md"), re.DOTALL)[0]
    assert len([line for line in source.splitlines() if line.strip()]) <= 40
    path = tmp_path / "buy_the_dip.py"
    path.write_text(source, encoding="utf-8")
    monkeypatch.setitem(_catalog, "buy_the_dip", STRATEGIES["sma_cross"])
    del _catalog["buy_the_dip"]  # registered below, removed again by monkeypatch
    exec(compile(source, str(path), "exec"), {})
    grid = Grid(STRATEGIES["buy_the_dip"], ["TEST"], {"dip": [0.05, 0.1], "recovery": [0.12, 0.15]})
    bars = synthetic.prices(synthetic.walk(500, seed=3))
    result = run_slice(grid, bars, 0, grid.size, Rules(fees=0.001))
    assert result.errors == {}
    assert np.all(result.metrics[9] > 0)
    assert replay(grid, bars, 0, Rules(fees=0.001)).trades[0].side == "long"
