"""The table of results with its links: every state of the table has its own address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from batches.errors import InvalidRequest
from batches.formatting import plain
from batches.models import BatchSession
from batches.results.query import FIELDS, ResultsPage, ResultsQuery, page
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.labels import axes_of, label_of, names_of
from batches.web.panel_words import cell, value_text

FIRST_METRICS = 12  # shown by default


@dataclass(frozen=True)
class Column:
    """sorted : "ascending", "descending" or ""; href : the link that sorts by the column."""

    name: str
    label: str
    sorted: str
    href: str


@dataclass(frozen=True)
class Row:
    """cells : as text, in the order of the columns."""

    index: int
    symbol: str
    error: str
    cells: list[str]


class ResultsTable:
    """A page of results. An invalid query is reported as `problem`, and the table is shown without it."""

    def __init__(self, session: BatchSession, query_dict: QueryDict) -> None:
        self.session = session
        self.fields, self.query, self.problem = read_query(session, query_dict)
        self.page: ResultsPage = page(session, self.query)
        self.symbols: list[str] = session.request["symbols"]
        default = list(METRICS_BY_WIRE_NAME)[:FIRST_METRICS]
        selected = [name for name in METRICS_BY_WIRE_NAME if name in query_dict.getlist("show")]
        self.selected_metrics = [] if selected == default else selected
        self.metrics = selected or default
        ranked_by = [session.sort_by] if session.sort_by in self.metrics else []  # first: a phone shows only a few
        self.names = list(dict.fromkeys([*ranked_by, *axes_of(session), *self.metrics]))

    def _link(self, **changes: Any) -> str:
        pairs = [(name, value) for name, value in {**self.fields, **changes}.items() if value not in ("", None)]
        return f"?{urlencode(pairs + [('show', name) for name in self.selected_metrics])}#results"

    @property
    def export_query(self) -> str:
        """The query string of a download of all pages, filtered and sorted as the table."""
        fields = {name: value for name, value in self.fields.items() if name not in ("page", "pageSize")}
        return urlencode(fields | {"sort": f"{'-' if self.query.descending else ''}{self.query.sort}"})

    @property
    def columns(self) -> list[Column]:
        return [self._column(name) for name in self.names]

    def _column(self, name: str) -> Column:
        is_sorted = self.query.sort == name
        metric = METRICS_BY_WIRE_NAME.get(name)
        descending = not self.query.descending if is_sorted else metric is not None and metric.higher_is_better
        return Column(
            name=name,
            label=label_of(self.session, name),
            sorted=("descending" if self.query.descending else "ascending") if is_sorted else "",
            href=self._link(sort=f"{'-' if descending else ''}{name}", page=None),
        )

    @property
    def rows(self) -> list[Row]:
        names = names_of(self.session)
        return [
            Row(row["index"], row["symbol"], row.get("error", ""), [cell(row, name, names) for name in self.names])
            for row in self.page.rows
        ]

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(name, label, whether it is shown) of every metric."""
        return [(name, metric.label, name in self.metrics) for name, metric in METRICS_BY_WIRE_NAME.items()]

    @property
    def first(self) -> int:
        """The number of the first row shown, from 1."""
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
        """(text, link without it) of each active filter."""
        return [
            (self._bound_text(name, value), self._link(**{name: None, "page": None}))
            for name, value in self.fields.items()
            if name not in FIELDS
        ]

    def _bound_text(self, name: str, value: str) -> str:
        """`Annual return ≥ 10.0%`."""
        kind, _, wire = name.partition(".")
        text = value_text(float(value), wire, names_of(self.session))
        return f"{label_of(self.session, wire)} {'≥' if kind == 'min' else '≤'} {text}"

    @property
    def carried(self) -> list[tuple[str, str]]:
        """The hidden fields of the filter form."""
        return [(name, value) for name, value in self.fields.items() if name not in ("symbol", "page")]


def read_query(session: BatchSession, query_dict: QueryDict) -> tuple[dict[str, str], ResultsQuery, str]:
    """Return the fields of the page's query string, the query, and what is wrong with it: then it is ignored."""
    fields = _fields(query_dict)
    try:
        return fields, ResultsQuery.parse(session, fields), ""
    except InvalidRequest as error:
        return {}, ResultsQuery.parse(session, {}), error.message


def _fields(query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that `ResultsQuery` reads, with the filter form's own fields translated."""
    fields = {name: query[name] for name in query if query[name] and name in FIELDS}
    fields |= {name: _fraction(query[name]) for name in query if query[name] and name.startswith(("min.", "max."))}
    filtered = query.get("by", "")
    for kind, field in (("min", "least"), ("max", "most")):
        if filtered and query.get(field):
            fields[f"{kind}.{filtered}"] = _fraction(query[field])
    return fields


def _fraction(text: str) -> str:
    """`20%` -> `0.2`; other text is returned as it is."""
    try:
        return plain(float(text.strip()[:-1]) / 100) if text.strip().endswith("%") else text.strip()
    except ValueError:
        return text
