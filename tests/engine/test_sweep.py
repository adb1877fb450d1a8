import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtester.engine import METRIC_NAMES, BadParameters, BadPrices, Grid, Rules, get_strategy, run_slice, sweep
from backtester.engine.sweep import prices_of
from tests.engine import synthetic

CONTRACT_ROW = [
    "total_return", "annualized_return", "annualized_volatility", "sharpe", "sortino", "calmar", "max_drawdown",
    "win_rate", "profit_factor", "trades", "exposure", "final_equity",
]  # fmt: skip


@pytest.fixture
def closes():
    days = pd.DatetimeIndex(synthetic.dates(200))
    return pd.DataFrame({"AAA": synthetic.walk(200), "BBB": synthetic.walk(200, seed=4)}, index=days)


def test_a_sweep_is_a_table_with_a_row_for_each_combination(closes):
    table = sweep("sma_cross", closes, {"fast": [5, 10], "slow": [10, 20, 50]}, fees=0.001)
    assert list(table.columns) == ["index", "symbol", "fast", "slow", *METRIC_NAMES]
    assert METRIC_NAMES[:12] == tuple(CONTRACT_ROW)
    assert table["index"].tolist() == list(range(10))
    assert table["symbol"].tolist() == ["AAA"] * 5 + ["BBB"] * 5
    assert list(zip(table["fast"], table["slow"], strict=True))[:5] == [(5, 10), (5, 20), (5, 50), (10, 20), (10, 50)]
    grid = Grid(get_strategy("sma_cross"), ["AAA", "BBB"], {"fast": [5, 10], "slow": [10, 20, 50]})
    metrics = run_slice(grid, prices_of("BBB", closes["BBB"]), 5, 10, Rules(fees=0.001)).metrics
    assert np.array_equal(table.loc[5:, list(METRIC_NAMES)].to_numpy(float).T, metrics, equal_nan=True)


def test_beta_and_coefficient_follow_the_parameters_when_scaling_is_on(closes):
    closes["INDEX"] = synthetic.walk(200, seed=11)
    scaling: dict[str, Any] = {"benchmark": "INDEX", "coefficients": [1.0, 1.5], "betas": {"AAA": 2}}
    table = sweep("grid_dca", closes, {"grid_interval": [0.02]}, **scaling)
    names = ["grid_interval", "profit_requirement", "trailing_stop", "max_lots", "beta", "coefficient", "total_return"]
    assert list(table.columns)[2:9] == names
    assert table["symbol"].tolist() == ["AAA", "AAA", "BBB", "BBB"]
    assert table["beta"].tolist()[:2] == [2.0, 2.0]
    own, market = closes["BBB"].pct_change(), closes["INDEX"].pct_change()
    assert table["beta"][2] == pytest.approx(own.cov(market) / market.var())
    assert table["coefficient"].tolist() == [1.0, 1.5, 1.0, 1.5]


@pytest.mark.parametrize("zone", [None, "America/New_York", "Asia/Tokyo"])
def test_a_beta_of_bars_within_a_day_is_that_of_daily_closes(zone):
    """The share follows the index one bar later, so that a beta by bars is about zero."""
    index = pd.date_range("2024-01-02", "2024-04-02", freq="30min", tz=zone)
    rng = np.random.default_rng(5)
    market = rng.normal(0, 0.004, len(index))
    own = 1.3 * np.roll(market, 1) + rng.normal(0, 0.001, len(index))
    bars = pd.DataFrame({"OWN": 50 * np.exp(own.cumsum()), "INDEX": 100 * np.exp(market.cumsum())}, index=index)
    daily = bars.groupby(index.date).last()
    changes = daily.pct_change()
    by_day = changes["OWN"].cov(changes["INDEX"]) / changes["INDEX"].var()
    assert by_day > 1
    series = pd.Series(daily["INDEX"].to_numpy(), index=pd.DatetimeIndex(daily.index))
    for prices, benchmark in ((bars, "INDEX"), (bars[["OWN"]], bars["INDEX"]), (bars[["OWN"]], series)):
        table = sweep("grid_dca", prices, {}, coefficients=[1.0], benchmark=benchmark)
        assert table["beta"].tolist() == [pytest.approx(by_day)]


def test_a_late_listing_starts_at_its_first_price(closes):
    late = closes.copy()
    late.loc[late.index[:80], "BBB"] = np.nan
    late.loc[late.index[120], "BBB"] = np.nan
    table = sweep("sma_cross", late, {"fast": [5], "slow": [20]})
    alone = sweep("sma_cross", closes[["BBB"]].drop(index=late.index[[*range(80), 120]]), {"fast": [5], "slow": [20]})
    assert table.iloc[1][CONTRACT_ROW].tolist() == alone.iloc[0][CONTRACT_ROW].tolist()


def test_what_is_missing_for_beta_scaling_is_named(closes):
    with pytest.raises(BadParameters, match="needs a benchmark or betas"):
        sweep("grid_dca", closes, {}, coefficients=[1.0])
    with pytest.raises(BadParameters, match="No beta of BBB"):
        sweep("grid_dca", closes, {}, coefficients=[1.0], betas={"AAA": 1.0})
    with pytest.raises(BadPrices, match=r"benchmark 'AAB'\. Did you mean 'AAA'\?"):
        sweep("grid_dca", closes, {}, coefficients=[1.0], benchmark="AAB")


def test_a_price_of_zero_is_refused_with_symbol_and_day(closes):
    closes.iloc[7, 1] = 0.0
    with pytest.raises(BadPrices, match=r"BBB: close on 2001-01-10 \(bar 7\) must be a number above zero, got 0"):
        sweep("sma_cross", closes, {})


def test_the_engine_loads_nothing_of_the_site_or_the_app():
    code = "import sys, backtester.engine; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    banned = {"batches", "celery", "channels", "django", "environ", "kombu", "ninja", "orjson", "redis", "structlog"}
    assert banned & set(answer.stdout.split()) == set()


def test_a_sweep_in_whole_shares_leaves_cash(real_closes):
    few = real_closes[["AAPL"]].iloc[-300:]
    parts, whole = (
        sweep("sma_cross", few, {"fast": [5], "slow": [20]}, initial_capital=500.0, whole_shares=whole)
        for whole in (False, True)
    )
    assert whole["deployed_capital"][0] < parts["deployed_capital"][0]
    assert whole["deployed_capital"][0] > 300
