"""Numbers of independent packages: vectorbt and backtesting.py from a file (`benchmarks/golden.py` makes it), and
empyrical and quantstats at run time, wherever their definitions are ours."""

import csv
import itertools
import math
import pathlib
import warnings

import numpy as np
import pandas as pd
import pytest

from backtester.engine import Grid, Rules, get_strategy, replay, sweep
from backtester.engine.sweep import prices_of

with (pathlib.Path(__file__).parent / "golden" / "sma_cross.csv").open(encoding="utf-8") as file:
    GOLDEN = list(csv.DictReader(file))
CASES = [list(rows) for _, rows in itertools.groupby(GOLDEN, key=lambda row: tuple(row.values())[:5])]


@pytest.mark.parametrize("rows", CASES, ids=lambda rows: "-".join(list(rows[0].values())[:5]))
def test_an_sma_cross_is_what_other_packages_say(rows, real_closes):
    case = rows[0]
    grid = Grid(get_strategy("sma_cross"), [case["symbol"]], {"fast": [int(case["fast"])], "slow": [int(case["slow"])]})
    bars = prices_of(case["symbol"], real_closes[case["symbol"]])
    ours = replay(grid, bars, 0, Rules(fees=float(case["fees"]), initial_capital=1e13)).metrics
    for row in rows:
        assert ours[row["metric"]] == pytest.approx(float(row["value"]), rel=1e-9), row["metric"]


@pytest.fixture(scope="module", params=["AAPL", "XOM", "AMD"])
def curve(request, real_closes):
    """A real equity curve, as returns by day, and our metrics of it."""
    bars = prices_of(request.param, real_closes[request.param])
    grid = Grid(get_strategy("sma_cross"), [request.param], {"fast": [20], "slow": [100]})
    again = replay(grid, bars, 0, Rules(fees=0.001, direction="both"))
    equity = pd.Series(again.equity, index=pd.DatetimeIndex(again.dates))
    return again.metrics, equity, equity.pct_change().iloc[1:]


def test_risk_numbers_are_those_of_empyrical(curve):
    import empyrical

    ours, _, returns = curve
    theirs = {
        "total_return": empyrical.cum_returns_final(returns),
        "annualized_volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns),
        "sortino": empyrical.sortino_ratio(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
    }
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)


def test_the_annual_return_is_that_of_empyrical_counted_by_the_calendar(curve):
    import empyrical

    ours, equity, returns = curve
    by_bars = empyrical.annual_return(returns)
    years = (equity.index[-1] - equity.index[0]).days / 365.25
    assert ours["annualized_return"] == pytest.approx((1 + by_bars) ** (len(returns) / 252 / years) - 1, rel=1e-9)
    assert ours["calmar"] == pytest.approx(ours["annualized_return"] / -empyrical.max_drawdown(returns), rel=1e-9)


def test_risk_numbers_are_those_of_quantstats(curve):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about pandas while it is imported
        import quantstats.stats as qs

        ours, _, returns = curve
        theirs = {
            "annualized_volatility": qs.volatility(returns, periods=252),
            "sharpe": qs.sharpe(returns, periods=252),
            "sortino": qs.sortino(returns, periods=252),
            "max_drawdown": qs.max_drawdown(returns),
        }
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, rel=1e-9)


def test_beta_is_that_of_empyrical(real_closes):
    import empyrical

    from backtester.engine import estimate_beta

    returns = real_closes.pct_change().iloc[1:]
    for symbol in ("AAPL", "XOM", "RRC"):
        ours = estimate_beta(real_closes[symbol].to_numpy(), real_closes["SP500"].to_numpy())
        assert ours == pytest.approx(empyrical.beta(returns[symbol], returns["SP500"]), rel=1e-9)


def test_prefix_sums_agree_with_exact_averages_on_all_real_prices(real_closes):
    # Every decision of every symbol, against averages in exact arithmetic on thousandths.
    table = sweep("sma_cross", real_closes, {"fast": [3, 50], "slow": [10, 200]})
    assert len(table) == 3 * len(real_closes.columns)
    for symbol in ("RRC", "KO"):
        close = real_closes[symbol].to_numpy()
        thousandths = np.round(close * 1000).astype(np.int64)
        sums = np.concatenate(([0], np.cumsum(thousandths)))
        for fast, slow in ((3, 10), (50, 200)):
            a = sums[slow : len(sums)] - sums[slow - fast : len(sums) - fast]
            b = sums[slow:] - sums[:-slow]
            expected = np.concatenate((np.zeros(slow - 1, dtype=bool), a * slow > b * fast))
            grid = Grid(get_strategy("sma_cross"), [symbol], {"fast": [fast], "slow": [slow]})
            held = replay(grid, prices_of(symbol, real_closes[symbol]), 0, Rules()).exposure > 0
            assert np.array_equal(held[1:], expected[:-1])
    assert not math.isnan(table["sharpe"].mean())
