"""What a user should know before a sweep runs: it is allowed, and rarely meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from backtester.engine import STRATEGIES
from batches.formatting import count, isolated, percent, shortened
from batches.models import BatchSession, PriceSeries
from batches.sweep.wire_names import wire_name

LARGE_COST = 0.05  # on each side; 0.1 is often meant as 0.1%
SAME_PERIOD = timedelta(days=31)  # closer ends are the calendars of two exchanges


@dataclass(frozen=True)
class Period:
    """The first and the last day on which a symbol is tested; first is after last if there is no bar between."""

    symbol: str
    first: date
    last: date

    def __str__(self) -> str:
        return f"{isolated(self.symbol)} {self.first} to {self.last}"

    def between(self, start: date | None, end: date | None) -> "Period":
        return Period(self.symbol, max(self.first, start or date.min), min(self.last, end or date.max))


def batch_notes(session: BatchSession) -> list[str]:
    """Return the notes of a batch that was started."""
    ids = [fact["seriesId"] for fact in session.instruments]
    rows = PriceSeries.objects.filter(pk__in=ids).values_list("symbol", "first_date", "last_date")
    periods = [Period(*row) for row in rows.order_by("symbol")]
    return request_notes(session.request) + period_notes(session.tested_request, periods)


def request_notes(request: Mapping[str, Any]) -> list[str]:
    """request : in its wire form"""
    return _costs(request) + _beta_scaling(request)


def period_notes(request: Mapping[str, Any], periods: Sequence[Period]) -> list[str]:
    """periods : of each symbol's bars, whatever the dates of the request"""
    tested = tested_periods(request, periods)
    return _periods(tested) if tested else []


def tested_periods(request: Mapping[str, Any], periods: Sequence[Period]) -> list[Period]:
    start, end = (request[name] and date.fromisoformat(request[name][:10]) for name in ("startDate", "endDate"))
    return [period.between(start, end) for period in periods]


def common_days(request: Mapping[str, Any], periods: Sequence[Period]) -> tuple[date, date] | None:
    """Return the days that all symbols have, None where they are tested over the same days, or have none in common."""
    if not period_notes(request, periods):
        return None
    tested = tested_periods(request, periods)
    first, last = max(period.first for period in tested), min(period.last for period in tested)
    return (first, last) if first <= last else None


def _costs(request: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {request[name]:g} is {percent(request[name])} of {base}; 0.1% is 0.001."
        for name, base in (("fees", "the traded value on each side"), ("slippage", "the price"))
        if request[name] > LARGE_COST
    ]


def _beta_scaling(request: Mapping[str, Any]) -> list[str]:
    strategy = STRATEGIES.get(request["strategy"])
    if not request["enableBetaScaling"] or strategy is None:
        return []
    swept = request["parameterRanges"]
    if any(parameter.scaled_by_beta and wire_name(parameter.name) in swept for parameter in strategy.all_parameters):
        return []
    n = len(request["coefficients"])
    repeated = f": each test runs {n} times, with the same result" if n > 1 else ""
    return [f"Beta scaling changes nothing here, since no parameter of this sweep is a percentage{repeated}."]


def _periods(tested: Sequence[Period]) -> list[str]:
    firsts, lasts = [period.first for period in tested], [period.last for period in tested]
    if max(firsts) - min(firsts) < SAME_PERIOD and max(lasts) - min(lasts) < SAME_PERIOD:
        return []
    return [f"The symbols are tested over different periods: {shortened(tested)}. {common_period(tested)}"]


def common_period(periods: Sequence[Period]) -> str:
    """Return a sentence on the days that all symbols have."""
    first, last = max(period.first for period in periods), min(period.last for period in periods)
    if first > last:
        return f"The {count(len(periods))} symbols have no day in common."
    return f"All {count(len(periods))} have bars from {first} to {last}."


def without_bars(lacking: Sequence[Period], periods: Sequence[Period], start: date | None, end: date | None) -> str:
    """Return which symbols have no bar between the dates, and what can be tested instead."""
    dates = f"from {start or 'the start'} to {end or 'the end'}"
    if len(lacking) == 1:
        refusal = f"{lacking[0].symbol} has no bars {dates}; it has {lacking[0].first} to {lacking[0].last}."
    else:
        had = [f"{period.symbol} (it has {period.first} to {period.last})" for period in lacking]
        refusal = f"{count(len(lacking))} symbols have no bars {dates}: {shortened(had)}."
    if len(periods) == 1:
        return refusal
    others = "" if len(lacking) == len(periods) else " Leave out what has no bars, or change the dates."
    return f"{refusal} {common_period(periods)}{others}"
