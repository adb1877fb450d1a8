"""The table of results with its links: every state of the table has its own address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import QueryDict

from batches.errors import InvalidRequest
from batches.models import BatchSession
from batches.results.formula import MARK, evaluate
from batches.results.holding import AHEAD, SORTABLE, Holding
from batches.results.query import FIELDS, ResultsPage, ResultsQuery, default_sort, higher_is_better, page
from batches.sweep.link import exact
from batches.sweep.wire_names import JUDGED
from batches.web.forms.numbers import number
from batches.web.labels import axes_of, label_of, names_of
from batches.web.panel_words import PanelNames, ahead, cell, signed, value_text

RANKINGS = ("annualizedReturn", AHEAD, "sharpe", "sortino", "calmar", "maxDrawdown", "profitFactor")
DEFAULT_METRICS = ("annualizedReturn", AHEAD, "sharpe", "maxDrawdown", "trades", "winRate", "exposure")
ROWS = "25"


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
        self.timeframes: list[str] = session.request.get("timeframes", [])
        default = list(DEFAULT_METRICS)
        selected = [name for name in (*SORTABLE, *JUDGED) if name in query_dict.getlist("show")]
        self.selected_metrics = [] if set(selected) == set(default) else selected
        self.metrics = self.selected_metrics or default
        self.holding = Holding(session)
        axes = axes_of(session)
        ranked_by = [session.sort_by] if session.sort_by in self.metrics else []  # first: a phone shows only a few
        if self.query.sort not in (*self.metrics, *axes, "index", "timeframe", "coefficient"):
            ranked_by = [self.query.sort]
        self.names = list(dict.fromkeys([*ranked_by, *self.metrics, *axes]))

    def _link(self, **changes: Any) -> str:
        pairs = [(name, value) for name, value in {**self.fields, **changes}.items() if value not in ("", None)]
        return f"?{urlencode(pairs + [('show', name) for name in self.selected_metrics])}#results"

    @property
    def row_links(self) -> dict[str, str]:
        """The links that choose the height of rows, by its name."""
        return {height: self._link(rows=height) for height in ("dense", "comfortable")}

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
        descending = not self.query.descending if is_sorted else self._is_better_high(name)
        return Column(
            name=name,
            label=label_of(self.session, name).removeprefix(MARK),
            sorted=("descending" if self.query.descending else "ascending") if is_sorted else "",
            href=self._link(sort=f"{'-' if descending else ''}{name}", page=None),
        )

    @property
    def rows(self) -> list[Row]:
        names = names_of(self.session)

        def cells(row: Mapping[str, Any]) -> list[str]:
            return [self._cell(row, name, names) for name in self.names]

        return [Row(row["index"], row["symbol"], row.get("error", ""), cells(row)) for row in self.page.rows]

    def _cell(self, row: Mapping[str, Any], name: str, names: PanelNames) -> str:
        if name.startswith(MARK):
            value = evaluate(name.removeprefix(MARK), lambda part: np.array([self._number(row, part)])).flat[0]
            return value_text(None if value != value else float(value), name, names)
        return signed(self._ahead(row)) if name == AHEAD else cell(row, name, names)

    def _ahead(self, row: Mapping[str, Any]) -> float | None:
        return ahead(row, self.holding.beside(row["symbol"], row))

    def _number(self, row: Mapping[str, Any], name: str) -> float:
        own = self._ahead(row) if name == AHEAD else row["parameters"].get(name, row.get(name))
        return float("nan") if own is None else float(own)

    @property
    def formula(self) -> str:
        """The formula that ranks the table, "" if none does."""
        return self.query.sort.removeprefix(MARK) if self.query.sort.startswith(MARK) else ""

    @property
    def rankings(self) -> list[tuple[str, str, bool]]:
        """Return (sort, label, whether it is the current one) of the orders to choose from, the best first in each."""
        judged = JUDGED if self.session.judged_at else ()
        chosen = f"{'-' if self.query.descending else ''}{self.query.sort}"
        names = dict.fromkeys([self.session.sort_by, *RANKINGS, *judged])
        sorts = [f"{'-' if self._is_better_high(name) else ''}{name}" for name in names]
        if chosen not in sorts:
            sorts.insert(0, chosen)
        default = default_sort(self.session)  # left out of the address
        return [("" if sort == default else sort, self._ranking(sort), sort == chosen) for sort in sorts]

    def _ranking(self, sort: str) -> str:
        name = sort.removeprefix("-")
        label = label_of(self.session, name).removeprefix(MARK)
        return label if sort.startswith("-") is self._is_better_high(name) else f"{label}, worst first"

    def _is_better_high(self, name: str) -> bool:
        is_value = name in SORTABLE or name in JUDGED or name.startswith(MARK)  # not a parameter
        return is_value and higher_is_better(name, self.session.sort_by)

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(name, label, whether it is shown) of every metric."""
        names = (*SORTABLE, *JUDGED)
        return [(name, label_of(self.session, name), name in self.metrics) for name in names]

    @property
    def filterable(self) -> list[tuple[str, str]]:
        """(name, label) of what the filter takes: every swept parameter and every metric."""
        names = [*axes_of(self.session), *SORTABLE, *JUDGED]
        return [(name, label_of(self.session, name)) for name in names]

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
        return [(name, value) for name, value in self.fields.items() if name not in ("symbol", "timeframe", "page")]


def read_query(session: BatchSession, query_dict: QueryDict) -> tuple[dict[str, str], ResultsQuery, str]:
    """Return the fields of the page's query string, the query, and what is wrong with it: then it is ignored."""
    fields = _fields(query_dict)
    try:
        return fields, ResultsQuery.parse(session, {"pageSize": ROWS} | fields), ""
    except InvalidRequest as error:
        return {}, ResultsQuery.parse(session, {"pageSize": ROWS}), error.message


def _fields(query: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that `ResultsQuery` reads, with the filter form's own fields translated."""
    fields = {name: query[name] for name in query if query[name] and name in FIELDS}
    fields |= {name: _fraction(query[name]) for name in query if query[name] and name.startswith(("min.", "max."))}
    if query.get("formula", "").strip():
        fields["sort"] = f"-{MARK}{query['formula'].strip()}"
    filtered = query.get("by", "")
    for kind, field in (("min", "least"), ("max", "most")):
        if filtered and query.get(field):
            fields[f"{kind}.{filtered}"] = _fraction(query[field])
    return fields


def _fraction(text: str) -> str:
    """`20%` -> `0.2`, `0,5` -> `0.5`; text that is no number is returned as it is."""
    value = number(text, percent=text.strip().endswith("%"))
    return value if isinstance(value, str) else exact(value)
