"""Reasons for an undefined metric, each with a code and a sentence."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Row = Mapping[str, float | None]  # metric name -> its value; NaN or None where undefined


@dataclass(frozen=True)
class Reason:
    """holds : whether this is the reason, judged from all metrics of the test"""

    code: str
    sentence: str
    holds: Callable[[Row], bool]


def is_undefined(value: float | None) -> bool:
    """Return whether there is no number to show. Infinity is none either: a yearly growth may overflow."""
    return value is None or not math.isfinite(value)


def _is(name: str, low: float, high: float) -> Callable[[Row], bool]:
    """Return a test of whether a metric is defined and within low .. high."""

    def holds(row: Row) -> bool:
        value = row[name]
        return value is not None and low <= value <= high

    return holds


def _lacks(name: str) -> Callable[[Row], bool]:
    return lambda row: is_undefined(row[name])


FAILED = Reason("failed", "The test failed.", _lacks("final_equity"))
TOO_LARGE = Reason(
    "too_large",
    "The yearly growth is too large for a number.",
    lambda row: is_undefined(row["annualized_return"]) and (row["total_return"] or 0.0) > 1e20,
)
UNDER_30_DAYS = Reason(
    "under_30_days", "The test is shorter than 30 days, too short for a yearly number.", _lacks("annualized_return")
)
ONE_RETURN = Reason("one_return", "One return has no deviation; two are needed.", _lacks("annualized_volatility"))
ZERO_VARIANCE = Reason(
    "zero_variance",
    "The equity grew by the same share at every bar, or not at all.",
    _is("annualized_volatility", 0, 0),
)
NO_LOSING_BAR = Reason("no_losing_bar", "No bar ended with a loss.", _lacks("sortino"))
NO_DRAWDOWN = Reason("no_drawdown", "The equity never fell below an earlier peak.", _is("max_drawdown", 0, 0))
NO_TRADES = Reason("no_trades", "Nothing was traded.", _lacks("deployed_capital"))
NO_CLOSED_TRADES = Reason("no_closed_trades", "No trade was closed within the test.", _is("trades", 0, 0))
ONE_CLOSED_TRADE = Reason("one_closed_trade", "Only one trade was closed; two are needed.", _is("trades", 1, 1))
NO_LOSING_TRADES = Reason("no_losing_trades", "No closed trade lost money.", _lacks("profit_factor"))
EQUAL_TRADES = Reason("equal_trades", "All closed trades made the same.", _lacks("sqn"))
