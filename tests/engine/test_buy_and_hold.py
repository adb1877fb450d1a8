"""Holders to compare with: what the exits and the choice of days were worth."""

import numpy as np
import pytest

from backtester.engine import Grid, Rules, buy_and_hold, buy_and_hold_equity, get_strategy, hold_instalments, replay
from tests.engine import synthetic

RULES = Rules(fees=0.01, slippage=0.002, initial_capital=1_000.0)


def played(name, bars, rules=RULES, **axes):
    grid = Grid(get_strategy(name), ["TEST"], {key: [value] for key, value in axes.items()})
    return replay(grid, bars, 0, rules)


def test_a_strategy_that_never_sells_is_the_holder_of_the_same_purchases():
    bars = synthetic.prices(synthetic.walk(300, seed=4))
    again = played("periodic_dca", bars, every=7, instalments=12, profit_requirement=0.0)
    held = hold_instalments(bars, RULES, again.shares)["same_purchases"]
    assert held.equity == pytest.approx(again.equity, rel=1e-12)
    assert held.metrics == pytest.approx(again.metrics, rel=1e-9, nan_ok=True)


def test_the_holder_of_the_same_purchases_keeps_what_the_strategy_sells_and_stops_when_the_capital_is_spent():
    close = [10, 10, 10, 20, 20, 20, 10, 10, 40]
    bars = synthetic.prices(close)
    rules = Rules(initial_capital=100.0)
    # Half of the capital at bar 1 (10), sold at bar 4 (20) with a gain of 50 %; again at bars 5 (20) and 7 (10).
    again = played("periodic_dca", bars, rules, every=2, instalments=2, profit_requirement=0.5)
    assert np.flatnonzero(np.diff(again.shares) > 0).tolist() == [0, 2, 4, 6]
    held = hold_instalments(bars, rules, again.shares)["same_purchases"]
    # 50 at bar 1 buys 5, 50 at bar 3 (20) buys 2.5; nothing is left for the purchases after that.
    assert held.equity.tolist() == pytest.approx([100, 100, 100, 150, 150, 150, 75, 75, 300])
    assert held.metrics["deployed_capital"] == pytest.approx(100)


def test_equal_instalments_are_spread_over_the_whole_test():
    bars = synthetic.prices([10, 10, 20, 20, 40, 40, 50])
    rules = Rules(initial_capital=300.0, fees=0.0)
    shares = np.array([0.0, 1, 2, 3, 3, 3, 3])  # three purchases, whenever they were
    held = hold_instalments(bars, rules, shares)["equal_instalments"]
    # 100 each at bars 1 (10), 3 (20) and 5 (40): 10, 5 and 2.5 shares.
    assert held.equity.tolist() == pytest.approx([300, 300, 400, 400, 700, 700, 875])


def test_one_instalment_is_buy_and_hold():
    bars = synthetic.prices(synthetic.walk(200, seed=8), opens=synthetic.gappy(synthetic.walk(200, seed=8)))
    shares = np.zeros(200)
    shares[50:] = 3.0
    held = hold_instalments(bars, RULES, shares)["equal_instalments"]
    assert held.metrics == pytest.approx(buy_and_hold(bars, RULES), rel=1e-12, nan_ok=True)


def test_a_strategy_that_bought_nothing_has_no_such_holders():
    bars = synthetic.prices(synthetic.walk(50))
    assert hold_instalments(bars, RULES, np.zeros(50)) == {}
    assert hold_instalments(bars, RULES, np.linspace(0, -5, 50)) == {}


def test_holders_buy_whole_shares_where_the_rules_say_so():
    rules = Rules(initial_capital=100.0, whole_shares=True)
    bars = synthetic.prices([30.0, 30.0, 30.0, 40.0])
    assert buy_and_hold_equity(bars, rules) == pytest.approx([100, 100, 100, 130])
    assert buy_and_hold(bars, rules)["return_on_deployed"] == pytest.approx(30 / 90)
    held = hold_instalments(bars, rules, np.array([0.0, 1.0, 2.0, 2.0]))["equal_instalments"]
    assert held.equity == pytest.approx([100, 100, 100, 120])  # 50 buys one share, twice, both at 30


def test_a_holder_who_cannot_pay_for_one_share_was_never_in_the_market():
    rules = Rules(initial_capital=20.0, whole_shares=True)
    held = buy_and_hold(synthetic.prices([30.0, 30.0, 30.0, 40.0]), rules)
    assert (held["exposure"], held["trades"], held["total_return"]) == (0.0, 0.0, 0.0)
