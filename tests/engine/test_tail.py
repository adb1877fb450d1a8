"""The metrics of the last bars, against those of a test that begins there with the position already open."""

from datetime import date

import numpy as np
import pytest

from backtester.engine import Grid, Prices, Rules, get_strategy, replay, tail_metrics

RULES = Rules(direction="both", fees=0.001, initial_capital=1000.0)


def played(bars=500, seed=3, **axes):
    days = np.busday_offset("2001-01-01", np.arange(bars), roll="forward")
    prices = Prices("ONE", days, 100 * np.exp(np.cumsum(np.random.RandomState(seed).normal(0, 0.02, bars))))
    grid = Grid(get_strategy("sma_cross"), ["ONE"], {"fast": [3], "slow": [15]} | axes)
    return prices, replay(grid, prices, 0, RULES)


def slow_tail(prices, replayed, first):
    """The metrics by their definitions, from the curve and the trades that a user sees."""
    equity = replayed.equity[first - 1 :]
    returns = equity[1:] / equity[:-1] - 1
    edge = prices.dates[first - 1].astype(object)
    kept = [trade for trade in replayed.trades if trade.exit_date is None or trade.exit_date > edge]
    closed = [trade for trade in kept if trade.exit_date]
    years = (prices.dates[-1] - prices.dates[first - 1]).astype(int) / 365.25
    won = [trade.pnl for trade in closed if trade.pnl > 0]
    lost = [-trade.pnl for trade in closed if trade.pnl < 0]
    days = prices.dates[first - 1 :]
    exposed = [
        any(trade.entry_date <= day.astype(object) <= (trade.exit_date or date.max) for trade in kept) for day in days
    ]
    return {
        "total_return": equity[-1] / equity[0] - 1,
        "annualized_return": (equity[-1] / equity[0]) ** (1 / years) - 1,
        "annualized_volatility": returns.std(ddof=1) * np.sqrt(prices.periods_per_year),
        "sharpe": returns.mean() / returns.std(ddof=1) * np.sqrt(prices.periods_per_year),
        "max_drawdown": np.min(equity / np.maximum.accumulate(equity)) - 1,
        "win_rate": len(won) / len(closed) if closed else np.nan,
        "profit_factor": sum(won) / sum(lost) if lost else np.nan,
        "trades": len(closed),
        "exposure": np.mean(exposed),
        "final_equity": equity[-1],
    }


@pytest.mark.parametrize("first", [1, 20, 250, 251, 260, 490, 498])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_tail_is_measured_by_the_definitions(first, seed):
    prices, replayed = played(seed=seed)
    measured, expected = tail_metrics(prices, replayed, first), slow_tail(prices, replayed, first)
    if first >= 490:  # under 30 days
        assert np.isnan(measured["annualized_return"])
        del expected["annualized_return"]
    assert {name: measured[name] for name in expected} == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_from_the_second_bar_on_it_is_the_whole_test():
    prices, replayed = played()
    assert tail_metrics(prices, replayed, 1) == pytest.approx(replayed.metrics, rel=1e-12)


def test_the_trades_of_the_replay_are_not_changed():
    prices, replayed = played()
    before = replayed.trade_table.copy()
    tail_metrics(prices, replayed, 300)
    assert replayed.trade_table.tobytes() == before.tobytes()


def test_without_a_bar_or_without_money_nothing_is_defined():
    prices, replayed = played()
    assert all(np.isnan(value) for value in tail_metrics(prices, replayed, prices.n_bars).values())
    replayed.equity[299:] = 0.0
    assert all(np.isnan(value) for value in tail_metrics(prices, replayed, 300).values())
