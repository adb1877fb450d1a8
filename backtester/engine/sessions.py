"""Flat at the end of each session: which signals are dropped, and what cannot be traded so."""

import numpy as np

from backtester.engine.arrays import Words
from backtester.engine.bar_sizes import DAY_S
from backtester.engine.bitmasks import WORD, words_for
from backtester.engine.derived import derived
from backtester.engine.prices import Prices
from backtester.engine.strategy import Strategy


def within_session(prices: Prices) -> Words:
    """Return uint64[n_words], with a zero for each bar before the last one of a day: its order is filled on that one.

    The last day of the series may go on after it, so none of its bars is known to be the last.
    """
    return derived(prices, "within session", _words_within_session)


def _words_within_session(prices: Prices) -> Words:
    days = prices.trading_days
    keep = np.ones(words_for(prices.n_bars) * WORD, dtype=np.bool_)
    keep[np.flatnonzero(days[2:] != days[1:-1])] = False
    words = np.packbits(keep, bitorder="little").view(np.uint64)
    words.flags.writeable = False
    return words


def no_session_end(strategy: Strategy, bar_seconds: float | None) -> str:
    """Return why positions cannot be closed at the end of each session; "" if they can."""
    if strategy.kind != "signal":
        return f"{strategy.name} cannot be flat at the end of each session: it does not trade by signals alone."
    if bar_seconds is None or bar_seconds >= DAY_S:
        return "positions can be closed at the end of a session on bars within a day only."
    return ""
