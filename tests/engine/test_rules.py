"""One test for each rule of docs/rules.md, in its order, on numbers that can be checked by hand."""

import numpy as np
import pytest

from backtester.engine import BadPrices, Grid, Parameter, Rules, from_function, get_strategy, replay, run_slice
from backtester.engine.metrics.metrics import METRIC_NAMES
from tests.engine import synthetic


def hold(wishes, close, *, opens=None, **rules):
    """A replay of a strategy that wants just these exposures."""
    parameter = Parameter("x", "int", 1, 0, 9, "", "x", "", {"start": 1, "stop": 1, "step": 1})
    strategy = from_function(lambda close, x: np.array(wishes, float), name="own", title="", parameters=(parameter,))
    bars = synthetic.prices(close, opens=opens)
    return replay(Grid(strategy, ["TEST"], {}), bars, 0, Rules(**{"initial_capital": 100.0, **rules}))


def test_a_decision_is_filled_at_the_next_open_where_there_is_one_else_at_the_next_close():
    close = [10, 10, 20, 20, 40, 40]
    with_opens = hold([0, 1, 1, 0, 0, 0], close, opens=[10, 10, 16, 20, 32, 40])
    assert [(t.entry_price, t.exit_price) for t in with_opens.trades] == [(16, 32)]
    assert with_opens.equity == pytest.approx([100, 100, 125, 125, 200, 200])
    without = hold([0, 1, 1, 0, 0, 0], close)
    assert [(t.entry_price, t.exit_price) for t in without.trades] == [(20, 40)]


def test_a_decision_at_the_last_close_is_not_filled():
    assert hold([0, 0, 0, 1], [10, 10, 10, 10]).trades == []


def test_fees_are_a_fraction_of_the_value_on_each_side():
    again = hold([1, 0, 0], [10, 10, 20], fees=0.25)
    assert again.equity == pytest.approx([100, 80, 160 * 0.75])


def test_slippage_makes_purchases_dearer_and_sales_cheaper():
    (long,) = hold([1, 0, 0], [10, 10, 20], slippage=0.1).trades
    assert (long.entry_price, long.exit_price) == pytest.approx((11, 18))
    (short,) = hold([-1, 0, 0], [10, 10, 5], slippage=0.1, direction="short").trades
    assert (short.entry_price, short.exit_price) == pytest.approx((9, 5.5))


def test_a_long_entry_spends_all_cash_on_fractional_shares():
    (trade,) = hold([1, 1, 1], [7, 7, 7], fees=0.25).trades
    assert trade.shares == pytest.approx(80 / 7)


def test_a_short_entry_sells_the_same_value_and_its_proceeds_stay_in_cash():
    again = hold([-1, -1, 0, 0], [10, 10, 8, 8], direction="short")
    assert again.trades[0].shares == pytest.approx(10)
    assert again.equity == pytest.approx([100, 100, 120, 120])
    paid = hold([-1, -1, -1], [10, 10, 8], fees=0.25, direction="short")
    assert paid.trades[0].shares == pytest.approx(8)
    assert paid.equity == pytest.approx([100, 80, 96])


def test_a_position_that_turns_round_is_closed_first_at_the_same_price():
    again = hold([1, -1, 0, 0], [10, 10, 20, 10], direction="both")
    first, second = again.trades
    assert (first.side, first.exit_price, first.pnl) == ("long", 20, pytest.approx(100))
    assert (second.side, second.entry_price, second.shares) == ("short", 20, pytest.approx(10))
    assert again.equity == pytest.approx([100, 100, 200, 300])
    assert again.metrics["exposure"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("strategy", ["momentum", "grid_dca"])
def test_a_close_that_leaves_no_equity_ends_the_test(strategy):
    close = np.concatenate((np.linspace(100, 50, 40), np.linspace(52, 900, 60), np.linspace(900, 10, 60)))
    axes = {"lookback": [60]} if strategy == "momentum" else {"grid_interval": [0.02], "max_lots": [1]}
    again = replay(Grid(get_strategy(strategy), ["TEST"], axes), synthetic.prices(close), 0, Rules(direction="short"))
    if strategy == "momentum":
        again = hold([-1] * 160, close, direction="short")
    assert again.equity[-1] == 0
    assert again.metrics["final_equity"] == 0
    assert again.metrics["max_drawdown"] == -1
    assert again.metrics["annualized_return"] == -1
    assert again.trades[-1].pnl is not None
    ruin = int(np.argmax(again.equity == 0))
    assert not again.equity[ruin:].any()
    assert not again.exposure[ruin:].any()


def test_a_position_open_at_the_end_is_marked_and_is_no_closed_trade():
    again = hold([1, 1, 1], [10, 10, 15])
    assert again.metrics["final_equity"] == pytest.approx(150)
    assert again.metrics["trades"] == 0
    assert np.isnan(again.metrics["win_rate"])
    assert again.trades[0].exit_date is None


def test_a_tie_is_no_cross():
    close = np.array([0.1 + 0.2, 0.3] * 30)  # equal but for the last bit, as averages of prices are
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [1], "slow": [2]})
    assert replay(grid, synthetic.prices(close), 0, Rules(direction="both")).trades == []


def test_a_level_that_is_met_exactly_counts_as_reached():
    # 95 is 5 % below 100, 104.5 is 10 % above 95; in binary, neither product is exact.
    bars = synthetic.prices([100, 95, 95, 104.5, 104.5, 104.5])
    axes = {"grid_interval": [0.05], "profit_requirement": [0.1], "trailing_stop": [0.0]}
    (trade,) = replay(Grid(get_strategy("grid_dca"), ["TEST"], axes), bars, 0, Rules()).trades
    assert (trade.entry_price, trade.exit_price) == (95, 104.5)


@pytest.mark.parametrize(("n_bars", "fails"), [(21, True), (22, False)])
def test_nothing_is_traded_before_the_longest_window_is_full(n_bars, fails):
    close = 10.0 * 1.01 ** np.arange(n_bars)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [20]})
    result = run_slice(grid, synthetic.prices(close), 0, 1, Rules())
    assert list(result.errors) == (["slow of 20 bars needs at least 22 bars; TEST has 21."] if fails else [])
    if not fails:
        assert replay(grid, synthetic.prices(close), 0, Rules()).trades[0].bars == 1


def test_a_state_is_enough_for_the_first_order():
    close = 10.0 * 1.01 ** np.arange(60)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [20]})
    (trade,) = replay(grid, synthetic.prices(close), 0, Rules()).trades
    assert trade.entry_price == pytest.approx(close[20])


def test_days_without_a_bar_are_absent():
    days = np.array(["2020-01-01", "2020-03-02", "2021-01-04"], dtype="datetime64[D]")
    from backtester.engine import Prices, buy_and_hold

    numbers = buy_and_hold(Prices("TEST", days, np.array([10.0, 10.0, 20.0])), Rules())
    assert numbers["annualized_return"] == pytest.approx(2 ** (365.25 / 369) - 1)
    assert numbers["annualized_volatility"] == pytest.approx(np.std([0, 1], ddof=1) * np.sqrt(252))


@pytest.mark.parametrize("bad", [0.0, -3.0, float("nan")])
def test_a_price_that_cannot_be_is_refused_with_its_day(bad):
    with pytest.raises(BadPrices, match="2001-01-02"):
        synthetic.prices([10.0, bad, 10.0])


def test_prices_are_taken_as_they_are():
    # A split that nobody has adjusted for is a loss of half.
    assert hold([1, 1, 1], [10, 10, 5]).equity == pytest.approx([100, 100, 50])


def test_a_lot_is_bought_only_without_credit():
    # Each deal is sold at a loss to the fees; the account shrinks until the second lot is too dear.
    close = np.tile([100, 89, 89, 79, 79, 90, 90], 40)
    axes = {"grid_interval": [0.1], "profit_requirement": [0.0], "trailing_stop": [0.0], "max_lots": [2]}
    again = replay(Grid(get_strategy("grid_dca"), ["TEST"], axes), synthetic.prices(close), 0, Rules(fees=0.08))
    assert again.equity[-1] < again.equity[0]
    assert again.exposure.max() <= 1 + 1e-9
    costs = {round(trade.shares * trade.entry_price * 1.08) for trade in again.trades}
    assert 50_000 in costs
    assert max(costs) <= 100_000


def test_orders_are_rounded_down_to_whole_shares_and_the_rest_stays_in_cash():
    again = hold([1] * 4, [30, 30, 30, 40], whole_shares=True)
    assert again.shares.tolist() == [0, 3, 3, 3]
    assert again.equity == pytest.approx([100, 100, 100, 130])
    assert again.metrics["deployed_capital"] == pytest.approx(90)


def test_an_order_for_less_than_one_share_is_dropped():
    again = hold([1] * 6, [300, 300, 90, 90, 80, 70], whole_shares=True)
    assert again.trades == []
    assert again.equity.tolist() == [100.0] * 6


def test_cash_earns_nothing_and_a_short_pays_no_interest():
    assert hold([0] * 5, [10] * 5).equity == pytest.approx([100] * 5)
    assert hold([-1] * 5, [10] * 5, direction="short").equity == pytest.approx([100] * 5)
    assert np.isnan(hold([0] * 5, [10] * 5).metrics["sharpe"])
    assert METRIC_NAMES[3] == "sharpe"
