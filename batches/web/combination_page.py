"""The tables on the page of one combination."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine import Metric
from backtester.engine.arrays import Floats, Ints
from batches.results.replay import Played
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.charts.ranges import View

HOLDER_METRICS = ("finalEquity", "totalReturn", "annualizedReturn", "sharpe", "maxDrawdown")
HEADLINE = (
    *("annualizedReturn", "totalReturn", "sharpe", "sortino", "annualizedVolatility", "maxDrawdown"),
    *("trades", "winRate", "profitFactor", "exposure"),
)
LOT_HOLDERS = (
    ("samePurchases", "Same purchases", "Same cash on the same days, never sold: shows what the exits added."),
    ("equalInstalments", "Equal installments", "As many equal, evenly spaced purchases: shows what the timing added."),
)


@dataclass(frozen=True)
class MetricLine:
    """A metric with its value, why it has none, and the value of buy and hold."""

    about: Metric
    value: float | None
    why: str
    held: float | None


def headline_metrics(played: dict[str, Any]) -> list[MetricLine]:
    """Return the metrics that decide, for the head of the page."""
    names = {METRICS_BY_WIRE_NAME[name].name for name in HEADLINE}
    return [line for line in metric_lines(played) if line.about.name in names]


@dataclass(frozen=True)
class TradeLine:
    """number : from 0, in order of the entries; href : the range of the chart around it"""

    number: int
    row: dict[str, Any]
    href: str


def trade_lines(row: dict[str, Any], played: Played, view: View) -> list[TradeLine]:
    first = (row["tradePages"]["page"] - 1) * row["tradePages"]["pageSize"]
    bars = played.replay.trade_bars[first:].tolist()
    return [
        TradeLine(first + k, trade, view.around(entry, exit_))
        for k, (trade, (entry, exit_)) in enumerate(zip(row["trades"], bars, strict=False))
    ]


@dataclass(frozen=True)
class Holder:
    title: str
    description: str
    metrics: dict[str, float | None]


def metric_lines(played: dict[str, Any]) -> list[MetricLine]:
    held, undefined = played["buyAndHold"]["metrics"], played["undefined"]
    return [
        MetricLine(metric, played["metrics"][name], undefined.get(name, {}).get("sentence", ""), held[name])
        for name, metric in METRICS_BY_WIRE_NAME.items()
    ]


def holders(played: dict[str, Any]) -> list[Holder]:
    """Return the combination and the portfolios that never sell; none but for strategies that buy in lots."""
    held = played["buyAndHold"]
    if "samePurchases" not in held:
        return []
    return [
        Holder("This combination", "", played["metrics"]),
        Holder("Buy and hold", "All of the capital at the start.", held["metrics"]),
        *(Holder(title, description, held[name]["metrics"]) for name, title, description in LOT_HOLDERS),
    ]


@dataclass(frozen=True)
class YearLine:
    """months : twelve returns, None where there are no bars; total : the return of the year"""

    year: str
    months: list[float | None]
    total: float


def monthly_returns(days: Ints, equity: Floats) -> list[YearLine]:
    """Return the returns of the exchange's months. days : of each bar, since 1970-01-01; equity : at its close"""
    months = days.view("datetime64[D]").astype("datetime64[M]")
    ends = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    before, years = float(equity[0]), dict[str, list[float | None]]()
    for month, value in zip(months[ends].tolist(), equity[ends].tolist(), strict=True):
        line = years.setdefault(str(month.year), [None] * 12)
        line[month.month - 1] = value / before - 1 if before > 0 else None
        before = value
    return [
        YearLine(year, line, math.prod(1 + value for value in line if value is not None) - 1)
        for year, line in years.items()
    ]
