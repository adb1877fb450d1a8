"""The table of results with its links: every state of the table has an address of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from batches.errors import InvalidRequest
from batches.formatting import plain
from batches.models import BatchSession
from batches.results.query import KNOWN, ResultsPage, ResultsQuery, page
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.panel_words import cell, value_text
from batches.web.presenters import axes_of, label_of, names_of

FIRST_METRICS = 12  # shown until someone chooses; the others are a click away


@dataclass(frozen=True)
class Column:
    """One column: what stands above it, how it is sorted, and the link that sorts by it."""

    name: str
    label: str
    sorted: str
    href: str


class ResultsTable:
    """A page of results. What the query string says wrongly is told, and the table is shown without it."""

    def __init__(self, session: BatchSession, given: QueryDict) -> None:
        self.session = session
        self.asked, self.query, self.problem = read_query(session, given)
        self.page: ResultsPage = page(session, self.query)
        self.symbols: list[str] = session.request["symbols"]
        self.axes = axes_of(session)
        usual = list(METRICS_BY_WIRE_NAME)[:FIRST_METRICS]
        chosen = [name for name in METRICS_BY_WIRE_NAME if name in given.getlist("show")]
        self.chosen_metrics = [] if chosen == usual else chosen
        self.metrics = chosen or usual
        # What it is ranked by comes first, on a phone too.
        self.names = list(dict.fromkeys([*_only(session.sort_by, self.metrics), *self.axes, *self.metrics]))

    def _link(self, **changes: Any) -> str:
        pairs = [(name, value) for name, value in {**self.asked, **changes}.items() if value not in ("", None)]
        return f"?{urlencode(pairs + [('show', name) for name in self.chosen_metrics])}#results"

    @property
    def export_query(self) -> str:
        """What a download needs to hold the rows of this table, of all of its pages, in its order."""
        shown = {name: value for name, value in self.asked.items() if name not in ("page", "pageSize")}
        return urlencode(shown | {"sort": f"{'-' if self.query.descending else ''}{self.query.sort}"})

    @property
    def columns(self) -> list[Column]:
        """The metric that they are ranked by, what differs from test to test, the other metrics."""
        return [self._column(name) for name in self.names]

    def _column(self, name: str) -> Column:
        is_sorted = self.query.sort == name
        about = METRICS_BY_WIRE_NAME.get(name)
        descending = not self.query.descending if is_sorted else about is not None and about.higher_is_better
        return Column(
            name=name,
            label=label_of(self.session, name),
            sorted=("descending" if self.query.descending else "ascending") if is_sorted else "",
            href=self._link(sort=f"{'-' if descending else ''}{name}", page=None),
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each row with its cells as text."""
        names = names_of(self.session)
        return [
            {
                "index": row["index"],
                "symbol": row["symbol"],
                "error": row.get("error", ""),
                "cells": [cell(row, name, names) for name in self.names],
            }
            for row in self.page.rows
        ]

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Every metric, and whether it is shown."""
        return [
            {"name": name, "label": metric.label, "shown": name in self.metrics}
            for name, metric in METRICS_BY_WIRE_NAME.items()
        ]

    @property
    def first(self) -> int:
        """The place of the first row shown."""
        return min(self.page.total, (self.page.page - 1) * self.page.page_size + 1)

    @property
    def last(self) -> int:
        """The place of the last row shown."""
        return min(self.page.total, self.page.page * self.page.page_size)

    @property
    def previous_link(self) -> str:
        """The page before, if there is one."""
        return self._link(page=self.page.page - 1) if self.page.page > 1 else ""

    @property
    def next_link(self) -> str:
        """The page after, if there is one."""
        return self._link(page=self.page.page + 1) if self.page.page < self.page.pages else ""

    @property
    def bounds(self) -> list[tuple[str, str]]:
        """(words, link without it) of each filter that is on."""
        return [
            (self._bound_words(name, value), self._link(**{name: None, "page": None}))
            for name, value in self.asked.items()
            if name not in KNOWN
        ]

    def _bound_words(self, name: str, value: str) -> str:
        """`Annual return ≥ 10.0%`."""
        kind, _, wire = name.partition(".")
        shown = value_text(float(value), wire, names_of(self.session))
        return f"{label_of(self.session, wire)} {'≥' if kind == 'min' else '≤'} {shown}"

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the filter form sends along unseen."""
        return [(name, value) for name, value in self.asked.items() if name not in ("symbol", "page")]


def read_query(session: BatchSession, given: QueryDict) -> tuple[dict[str, str], ResultsQuery, str]:
    """What the results know of a page's query string, how they read it, and what is wrong: then it is ignored."""
    asked = _asked(given)
    try:
        return asked, ResultsQuery.parse(session, asked), ""
    except InvalidRequest as error:
        return {}, ResultsQuery.parse(session, {}), error.message


def _only(name: str, names: list[str]) -> list[str]:
    return [name] if name in names else []


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    """The part of the page's query that the results know, with the filter form's fields in their own spelling."""
    asked = {name: given[name] for name in given if given[name] and name in KNOWN}
    asked |= {name: _fraction(given[name]) for name in given if given[name] and name.startswith(("min.", "max."))}
    by = given.get("by", "")
    for kind, field in (("min", "least"), ("max", "most")):
        if by and given.get(field):
            asked[f"{kind}.{by}"] = _fraction(given[field])
    return asked


def _fraction(text: str) -> str:
    """`20%` -> `0.2`; what is no percentage stays as it is."""
    try:
        return plain(float(text.strip()[:-1]) / 100) if text.strip().endswith("%") else text.strip()
    except ValueError:
        return text
