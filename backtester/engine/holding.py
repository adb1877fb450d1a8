"""What every test is compared with: buy and hold, and the beta against a benchmark."""

import math

import numpy as np

from backtester.engine.metrics import (
    COST,
    ENTRY_BAR,
    EXIT_BAR,
    METRIC_NAMES,
    N_METRICS,
    STILL_OPEN,
    TRADE_FIELDS,
    measure_nb,
)
from backtester.engine.prices import Floats, Prices
from backtester.engine.rules import Rules


def buy_and_hold_equity(prices: Prices, rules: Rules) -> Floats:
    """float64[n_bars], equity of all capital bought at the first bar that an order can be filled on, never sold.

    Same fees, slippage and fill price as every strategy: decided at the first close, filled at the second bar.
    """
    equity = np.full(prices.n_bars, rules.initial_capital)
    if prices.n_bars > 1:
        price = prices.fill[1] * (1.0 + rules.slippage)
        equity[1:] = rules.initial_capital / (1.0 + rules.fees) / price * prices.close[1:]
    return equity


def buy_and_hold(prices: Prices, rules: Rules) -> dict[str, float]:
    """The metrics of `buy_and_hold_equity`, by name; NaN where undefined (no trade is ever closed)."""
    out = np.full((N_METRICS, 1), np.nan)
    trades = np.zeros((1, TRADE_FIELDS))
    trades[0, ENTRY_BAR], trades[0, EXIT_BAR] = 1, STILL_OPEN
    trades[0, COST] = rules.initial_capital
    if prices.n_bars > 1:
        measure_nb(buy_and_hold_equity(prices, rules), trades, 1, prices.periods_per_year, prices.years, out, 0)
    return dict(zip(METRIC_NAMES, out[:, 0].tolist(), strict=True))


def estimate_beta(close: Floats, benchmark_close: Floats) -> float:
    """Covariance of simple returns with the benchmark's, over the benchmark's variance (ddof 1).

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
