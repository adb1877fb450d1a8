"""Every number that is missing has a reason, and only those."""

import itertools
import math

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES, METRICS, STRATEGIES, Grid, Rules, get_strategy, run_slice, undefined_reasons
from tests.engine import synthetic


def codes(close, **axes):
    grid = Grid(get_strategy("sma_cross"), ["TEST"], axes or {"fast": [1], "slow": [2]})
    row = run_slice(grid, synthetic.prices(close), 0, 1, Rules()).metrics[:, 0]
    return {key: reason.code for key, reason in undefined_reasons(dict(zip(METRIC_NAMES, row, strict=True))).items()}


@pytest.mark.parametrize(("name", "world"), list(itertools.product(STRATEGIES, synthetic.HARD)))
def test_a_metric_has_a_reason_exactly_when_it_has_no_number(name, world):
    strategy = get_strategy(name)
    bars = synthetic.prices(synthetic.HARD[world])
    for direction in strategy.directions:
        metrics = run_slice(Grid(strategy, ["TEST"], {}), bars, 0, 1, Rules(direction=direction)).metrics[:, 0]
        reasons = undefined_reasons(dict(zip(METRIC_NAMES, metrics.tolist(), strict=True)))
        assert set(reasons) == {key for key, value in zip(METRIC_NAMES, metrics, strict=True) if math.isnan(value)}
        declared = {metric.name: {"failed", *(reason.code for reason in metric.undefined)} for metric in METRICS}
        assert all(reason.code in declared[key] for key, reason in reasons.items())


def test_a_test_that_trades_nothing_says_so():
    reasons = codes(np.linspace(100, 50, 60))
    assert reasons["win_rate"] == reasons["deployed_capital"] == reasons["profit_factor"] == "no_trades"
    assert reasons["sharpe"] == "zero_variance"
    assert (reasons["sortino"], reasons["calmar"]) == ("no_losing_bar", "no_drawdown")
    assert "annualized_return" not in reasons


def test_a_test_that_only_rises_has_no_closed_trade_and_no_drawdown():
    reasons = codes(np.linspace(50, 100, 60))
    assert reasons["win_rate"] == reasons["sqn"] == "no_closed_trades"
    assert reasons["calmar"] == "no_drawdown"
    assert not {"sharpe", "deployed_capital"} & set(reasons)


def test_a_short_test_has_no_yearly_return():
    reasons = codes([10, 11, 12, 11, 10, 9, 10, 11])
    assert reasons["annualized_return"] == reasons["calmar"] == "under_30_days"


def test_winning_trades_alone_have_no_profit_factor_and_a_single_one_no_quality():
    reasons = codes([10, 10, 11, 12, 13, 12.5, 12.4, 12.3] + [12.3] * 40)
    assert (reasons["profit_factor"], reasons["sqn"]) == ("no_losing_trades", "one_closed_trade")


def test_a_failed_test_has_one_reason_for_everything():
    assert set(codes([10, 11], fast=[5], slow=[50]).values()) == {"failed"}
    assert undefined_reasons(dict.fromkeys(METRIC_NAMES))["total_return"].sentence == "The test failed."
