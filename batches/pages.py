"""What the pages of a batch show, from its row and its results. The views put it into templates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from backtester.engine import METRICS, STRATEGIES
from batches.errors import InvalidRequest
from batches.models import BatchSession
from batches.plan import plan_of
from batches.progress import elapsed_seconds, percentage, snapshot, timeout_words
from batches.results_page import KNOWN, ResultsPage, ResultsQuery, page, sortable
from batches.schemas import wire_name
from batches.templatetags.batch_format import metric as shown_metric
from batches.templatetags.batch_format import parameter as shown_parameter
from batches.templatetags.batch_format import percent

METRIC_BY_NAME = {wire_name(metric.name): metric for metric in METRICS}
LEADER_METRICS = ("annualizedReturn", "totalReturn", "sharpe", "maxDrawdown", "trades")
SYMBOLS_SHOWN = 4


def panel_event(session: BatchSession, now: datetime) -> dict[str, Any]:
    """The event that the panel is first drawn from, without the results, which the page shows in its own way."""
    event = snapshot(session, now)
    if event["type"] == "error":
        event |= {"error": session.error, "code": session.error_code}
    return event


def names_of(session: BatchSession) -> dict[str, Any]:
    """What the scripts need to put an event into words."""
    strategy = STRATEGIES.get(session.strategy)
    return {
        "parameters": {
            wire_name(each.name): {"label": each.label, "kind": each.kind} for each in (strategy.parameters if strategy else ())
        },
        "metrics": {name: {"label": each.label, "unit": each.unit} for name, each in METRIC_BY_NAME.items()},
        "sortBy": session.sort_by,
        "betaScaling": bool(session.request["enableBetaScaling"]),
        "timeout": timeout_words(session.timeout_s),
        "stalledAfterMs": settings.STALLED_AFTER_S * 1000,
        "resultsUrl": reverse("batches:detail", args=[session.id]) + "results/",
    }


def leader_columns(session: BatchSession) -> list[tuple[str, str, str]]:
    """(wire name, label, unit) of the metrics beside the leaders; the one they are ranked by comes first."""
    names = dict.fromkeys([session.sort_by, *LEADER_METRICS])
    return [(name, METRIC_BY_NAME[name].label, METRIC_BY_NAME[name].unit) for name in names]


def title_of(session: BatchSession) -> str:
    """The strategy's own title; its name when this version does not know it."""
    strategy = STRATEGIES.get(session.strategy)
    return strategy.title if strategy else session.strategy


def symbols_text(symbols: list[str]) -> str:
    """`AAPL, AMD, BAC, BBY and 16 more`."""
    text = ", ".join(symbols[:SYMBOLS_SHOWN])
    more = len(symbols) - SYMBOLS_SHOWN
    return f"{text} and {more:,} more" if more > 0 else text


def facts(session: BatchSession) -> list[tuple[str, str]]:
    """What was asked, in words."""
    asked = session.request
    strategy = STRATEGIES.get(session.strategy)
    found = [("Symbols", ", ".join(asked["symbols"]))]
    for each in strategy.parameters if strategy else ():
        values = asked["parameterRanges"].get(wire_name(each.name), [])
        found.append((each.label, _values_text(values, each.kind)))
    found += [
        ("Dates", f"{asked['startDate'] or 'from the first bar'} to {asked['endDate'] or 'the last bar'}"),
        ("Direction", asked["direction"]),
        ("Fees, slippage", f"{shown_parameter(asked['fees'], 'percent')}, {shown_parameter(asked['slippage'], 'percent')}"),
        ("Initial capital", f"{asked['initialCapital']:,.0f}"),
        ("Ranked by", METRIC_BY_NAME[session.sort_by].label),
        ("Time limit", timeout_words(session.timeout_s)),
    ]
    if asked["enableBetaScaling"]:
        betas = [f"{each['symbol']} {each['beta']:.2f}" for each in session.instruments]
        found += [("Coefficients", ", ".join(f"{c:g}" for c in asked["coefficients"])), ("Betas", ", ".join(betas))]
    return found


def _values_text(values: list[float], kind: str) -> str:
    shown = [shown_parameter(value, kind) for value in values]
    if len(shown) > 8:
        return f"{', '.join(shown[:3])}, … {shown[-1]} ({len(shown):,} values)"
    return ", ".join(shown)


def same_sweep_query(session: BatchSession) -> str:
    """The link to a form that holds this batch's configuration."""
    asked = session.request
    pairs: dict[str, Any] = {"strategy": session.strategy, "symbols": ",".join(asked["symbols"])}
    pairs |= {name: ",".join(map(str, values)) for name, values in asked["parameterRanges"].items()}
    pairs |= {name: asked[name] for name in ("startDate", "endDate") if asked[name]}
    if asked["enableBetaScaling"]:
        pairs |= {"enableBetaScaling": "true", "coefficients": ",".join(map(str, asked["coefficients"]))}
    names = ("direction", "fees", "slippage", "initialCapital", "timeoutSeconds", "sortBy")
    return urlencode(pairs | {name: asked[name] for name in names}, safe=",:")


@dataclass(frozen=True)
class BatchLine:
    """One line of a list of batches."""

    session: BatchSession
    title: str
    symbols: str
    percentage: float
    best: str
    seconds: float


def batch_lines(sessions: Iterable[BatchSession], now: datetime) -> list[BatchLine]:
    """Lines for a list of batches."""
    return [
        BatchLine(
            session=session,
            title=title_of(session),
            symbols=symbols_text(session.request["symbols"]),
            percentage=percentage(session),
            best=_best_text(session),
            seconds=elapsed_seconds(session, now),
        )
        for session in sessions
    ]


def _best_text(session: BatchSession) -> str:
    best = session.leaders[0] if session.leaders else None
    if best is None:
        return ""
    if session.sort_by == "annualizedReturn":
        return f"{best['symbol']} - {percent(best['annualizedReturn'])} a year"
    about = METRIC_BY_NAME[session.sort_by]
    return f"{best['symbol']} - {about.label.lower()} {shown_metric(best[session.sort_by], about.unit)}"


@dataclass(frozen=True)
class Column:
    """One column of the results: how to show it, and the link that sorts by it."""

    name: str
    label: str
    kind: str
    is_parameter: bool
    sorted: str
    href: str

    def text(self, row: Mapping[str, Any]) -> str:
        """One row's value."""
        if self.is_parameter:
            return shown_parameter(row["parameters"][self.name], self.kind)
        return shown_metric(row[self.name], self.kind)


class ResultsTable:
    """A page of results with its links: every state of the table has an address of its own."""

    def __init__(self, session: BatchSession, given: QueryDict) -> None:
        self.session = session
        self.problem = ""
        self.asked = _asked(given)
        self.names = sortable(plan_of(session))
        try:
            self.query = ResultsQuery.parse(session, self.asked)
        except InvalidRequest as error:
            self.problem = error.message
            self.asked = {}
            self.query = ResultsQuery.parse(session, {})
        self.page: ResultsPage = page(session, self.query)
        self.symbols: list[str] = session.request["symbols"]

    def _link(self, **changes: Any) -> str:
        pairs = {name: value for name, value in {**self.asked, **changes}.items() if value not in ("", None)}
        return f"?{urlencode(pairs)}#results" if pairs else "?#results"

    @property
    def columns(self) -> list[Column]:
        """Parameters with more than one value, the coefficient where there is one, then the metrics."""
        strategy = STRATEGIES[self.session.strategy]
        ranges = self.session.request["parameterRanges"]
        shown = [
            self._column(wire_name(each.name), each.label, each.kind, is_parameter=True)
            for each in strategy.parameters
            if len(ranges.get(wire_name(each.name), [])) > 1
        ]
        if "coefficient" in self.names:
            shown.append(self._column("coefficient", "Coeff", "ratio"))
        return shown + [self._column(name, each.label, each.unit) for name, each in METRIC_BY_NAME.items()]

    def _column(self, name: str, label: str, kind: str, *, is_parameter: bool = False) -> Column:
        is_sorted = self.query.sort == name
        about = METRIC_BY_NAME.get(name)
        descending = not self.query.descending if is_sorted else about is not None and about.higher_is_better
        return Column(
            name=name,
            label=label,
            kind=kind,
            is_parameter=is_parameter,
            sorted=("descending" if self.query.descending else "ascending") if is_sorted else "",
            href=self._link(sort=f"{'-' if descending else ''}{name}", page=None),
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each row with its cells as text."""
        columns = self.columns
        return [
            {
                "index": row["index"],
                "symbol": row["symbol"],
                "error": row.get("error", ""),
                "cells": [column.text(row) for column in columns],
            }
            for row in self.page.rows
        ]

    @property
    def first(self) -> int:
        return min(self.page.total, (self.page.page - 1) * self.page.page_size + 1)

    @property
    def last(self) -> int:
        return min(self.page.total, self.page.page * self.page.page_size)

    @property
    def previous_link(self) -> str:
        return self._link(page=self.page.page - 1) if self.page.page > 1 else ""

    @property
    def next_link(self) -> str:
        return self._link(page=self.page.page + 1) if self.page.page < self.page.pages else ""

    @property
    def bounds(self) -> list[tuple[str, str]]:
        """(words, link without it) of each filter that is on."""
        return [
            (f"{_bound_label(name)} {value}", self._link(**{name: None, "page": None}))
            for name, value in self.asked.items()
            if name not in KNOWN
        ]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the filter form sends along unseen."""
        return [(name, value) for name, value in self.asked.items() if name not in ("symbol", "page")]


def _bound_label(name: str) -> str:
    kind, _, wire = name.partition(".")
    label = METRIC_BY_NAME[wire].label if wire in METRIC_BY_NAME else wire
    return f"{label} {'≥' if kind == 'min' else '≤'}"


def _asked(given: QueryDict) -> dict[str, str]:
    """The part of the page's query that the results know, with the filter form's fields in their own spelling."""
    asked = {name: value for name, value in given.dict().items() if value != "" and (name in KNOWN or name[:4] in ("min.", "max."))}
    by = given.get("by", "")
    if by:
        asked |= {f"{kind}.{by}": given[field] for kind, field in (("min", "least"), ("max", "most")) if given.get(field)}
    return asked
