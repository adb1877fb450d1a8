"""The metrics of the last bars of a test that ran over all of them."""

import numpy as np

from backtester.engine.metrics.metrics import ENTRY_BAR, EXIT_BAR, METRIC_NAMES, N_METRICS, STILL_OPEN, measure_nb
from backtester.engine.prices import Prices
from backtester.engine.replay import Replay


def tail_metrics(prices: Prices, replayed: Replay, first: int) -> dict[str, float]:
    """Return the metrics of the bars from `first` on, by name; NaN where undefined.

    The test runs over all bars, so that indicators are warm and a position is carried over the edge. E_0 is the equity
    at the close before `first`, where a carried position is worth its price of that close. The trades are those that
    are open or closed in these bars; the profit of a carried trade is the whole one, since its entry.

    prices : all bars that were replayed; first : from 1
    """
    base = first - 1
    equity = np.ascontiguousarray(replayed.equity[base:])
    out = np.full((N_METRICS, 1), np.nan)
    if len(equity) > 1 and equity[0] > 0.0:
        is_open = replayed.trade_table[:, EXIT_BAR] == STILL_OPEN
        trades = replayed.trade_table[is_open | (replayed.trade_table[:, EXIT_BAR] >= first)].copy()
        trades[:, ENTRY_BAR] = np.maximum(trades[:, ENTRY_BAR] - base, 0.0)
        closed = trades[:, EXIT_BAR] != STILL_OPEN
        trades[closed, EXIT_BAR] -= base
        part = prices.part(base, prices.n_bars)
        measure_nb(equity, trades, len(trades), part.days, prices.periods_per_year, part.years, out, 0)
    return dict(zip(METRIC_NAMES, out[:, 0].tolist(), strict=True))
