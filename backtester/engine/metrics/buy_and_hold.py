"""Buy and hold, with which every test is compared, and the beta against a benchmark."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine.arrays import Days, Floats, Ints
from backtester.engine.metrics.metrics import (
    COST,
    ENTRY_BAR,
    EXIT_BAR,
    METRIC_NAMES,
    N_METRICS,
    STILL_OPEN,
    TRADE_FIELDS,
    measure_nb,
)
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.tolerance import PART_OF_A_SHARE, SHARES


def buy_and_hold_equity(prices: Prices, rules: Rules) -> Floats:
    """Return float64[n_bars], the equity when all capital is invested as early as possible and nothing is sold.

    With the fees, slippage and fill price of every strategy: decided at the first close, filled at the second bar.
    """
    equity = np.full(prices.n_bars, rules.initial_capital)
    if prices.n_bars > 1:
        price = prices.fill[1] * (1.0 + rules.slippage)
        shares = rules.initial_capital / (1.0 + rules.fees) / price
        equity[1:] = shares * prices.close[1:]
        if rules.whole_shares:
            shares = float(_whole(shares))
            equity[1:] = rules.initial_capital - shares * price * (1.0 + rules.fees) + shares * prices.close[1:]
    return equity


@dataclass(frozen=True, eq=False)
class Held:
    """equity : float64[n_bars], currency; metrics : by name, NaN where undefined (no trade is closed)"""

    equity: Floats
    metrics: dict[str, float]


def hold_instalments(prices: Prices, rules: Rules, shares: Floats) -> dict[str, Held]:
    """Return two ways to hold that compare with a strategy that buys in lots. Both spend the capital and never sell.

    shares : float64[n_bars], held by the strategy at each close (`Replay.shares`)

    "same_purchases" spends the same cash on the same bars as the strategy's long side, as long as there is any;
    "equal_instalments" spends everything in as many equal parts, evenly spaced from the second bar on. Returns {} when
    the strategy never bought.
    """
    bought = np.diff(np.maximum(shares, 0.0), prepend=0.0)
    bars = np.flatnonzero(bought > 1e-12 * np.max(np.abs(shares), initial=0.0))  # less is rounding
    if not bars.size:
        return {}
    cash = bought[bars] * prices.fill[bars] * (1.0 + rules.slippage) * (1.0 + rules.fees)
    spaced = 1 + np.arange(bars.size) * (prices.n_bars - 1) // bars.size
    equal = np.full(bars.size, rules.initial_capital / bars.size)
    return {
        "same_purchases": _hold(prices, rules, bars, cash),
        "equal_instalments": _hold(prices, rules, spaced, equal),
    }


def _hold(prices: Prices, rules: Rules, bars: Ints, cash: Floats) -> Held:
    """Spend `cash` on the bars, fees included, up to the capital."""
    spent = np.diff(np.minimum(np.cumsum(cash), rules.initial_capital), prepend=0.0)
    bought = np.zeros(prices.n_bars)
    left = np.zeros(prices.n_bars)
    paid = prices.fill[bars] * (1.0 + rules.slippage) * (1.0 + rules.fees)
    bought[bars] = spent / paid
    if rules.whole_shares:
        bought[bars] = _whole(bought[bars])
        spent = bought[bars] * paid
    left[bars] = spent
    equity = rules.initial_capital - np.cumsum(left) + np.cumsum(bought) * prices.close
    return Held(equity, _metrics_of_holding(prices, equity, int(bars[0]), float(np.sum(spent))))


def buy_and_hold(prices: Prices, rules: Rules) -> dict[str, float]:
    """Return the metrics of `buy_and_hold_equity` by name; NaN where undefined (no trade is closed)."""
    cost = rules.initial_capital
    if rules.whole_shares and prices.n_bars > 1:
        paid = prices.fill[1] * (1.0 + rules.slippage) * (1.0 + rules.fees)
        cost = float(_whole(cost / paid)) * paid
    return _metrics_of_holding(prices, buy_and_hold_equity(prices, rules), 1, cost)


def _metrics_of_holding(prices: Prices, equity: Floats, entry_bar: int, cost: float) -> dict[str, float]:
    """Return the metrics of one position that is never closed."""
    out = np.full((N_METRICS, 2), np.nan)[:, :1]  # the layout of `run_slice`: another is compiled again
    trades = np.zeros((1, TRADE_FIELDS))
    trades[0, ENTRY_BAR], trades[0, EXIT_BAR], trades[0, COST] = entry_bar, STILL_OPEN, cost
    if prices.n_bars > 1:
        n_trades = 1 if cost > 0.0 else 0  # one share costs more than the capital
        measure_nb(equity, trades, n_trades, prices.days, prices.periods_per_year, prices.years, out, 0)
    return dict(zip(METRIC_NAMES, out[:, 0].tolist(), strict=True))


def _whole(shares: Any) -> Any:
    """Round down as `whole_nb` does."""
    return np.floor(shares + np.minimum(shares * SHARES, PART_OF_A_SHARE))


def common_closes(own: Prices, benchmark: Prices) -> tuple[Days, Floats, Floats]:
    """Return the days that both have, and the last close of each on these days: what a beta is estimated from."""
    (own_days, closes), (market_days, market_closes) = _daily_closes(own), _daily_closes(benchmark)
    days, at, market_at = np.intersect1d(own_days, market_days, assume_unique=True, return_indices=True)
    return days.view("datetime64[D]"), closes[at], market_closes[market_at]


def _daily_closes(prices: Prices) -> tuple[Ints, Floats]:
    days = prices.trading_days
    last = np.flatnonzero(np.append(days[1:] != days[:-1], True))
    return days[last], prices.close[last]


def estimate_beta(close: Floats, benchmark_close: Floats) -> float:
    """Return the covariance of simple returns with the benchmark's, over the benchmark's variance (ddof 1).

    close, benchmark_close : float64[n_bars], on the same dates. NaN with fewer than three bars or a flat benchmark.
    Source: W. F. Sharpe, Capital Asset Prices, 1964. Simple returns, as LEAN; backtesting.py takes log returns.
    """
    if len(close) != len(benchmark_close) or len(close) < 3:
        return math.nan
    own = close[1:] / close[:-1] - 1.0
    market = benchmark_close[1:] / benchmark_close[:-1] - 1.0
    market_deviation = market - market.mean()
    variance = float(market_deviation @ market_deviation)
    if variance <= 1e-18 * len(market):
        return math.nan
    return float((own - own.mean()) @ market_deviation) / variance
