"""A page of results: sorted and filtered on the server, by any metric and any parameter."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings

from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.results.columns import Columns, Floats, Ints, columns_of, first_in_order
from batches.results.failures import Failures
from batches.sweep.plan import Plan, plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.validators import nearest

PAGE_SIZE = 50
BOUND = re.compile(r"(min|max)(?:\.(\w+)|([A-Z]\w*))", re.ASCII)  # min.sharpe or minSharpe
KNOWN = ("sort", "symbol", "page", "pageSize")


@dataclass(frozen=True)
class ResultsQuery:
    """What to show. sort : a wire name, metric or parameter; bounds : (wire name, at least, at most)."""

    sort: str
    descending: bool
    symbol: str
    page: int
    page_size: int
    bounds: tuple[tuple[str, float, float], ...]

    @classmethod
    def parse(cls, session: BatchSession, given: Mapping[str, str], *, sort: str = "") -> "ResultsQuery":
        """From a query string; InvalidRequest names the part that is wrong. sort : when none is given."""
        names = sortable(plan_of(session))
        sort = given.get("sort") or sort or default_sort(session)
        name = sort.removeprefix("-")
        if name not in names:
            raise InvalidRequest(_unknown("sort", name, names))
        symbol = given.get("symbol", "").strip().upper()
        if symbol and symbol not in plan_of(session).grid.symbols:
            raise InvalidRequest(Detail("symbol", unknown_symbol(symbol, plan_of(session).grid.symbols)))
        return cls(
            sort=name,
            descending=sort.startswith("-"),
            symbol=symbol,
            page=_whole(given, "page", 1, 10**9),
            page_size=_whole(given, "pageSize", PAGE_SIZE, settings.RESULTS_MAX_PAGE_SIZE, " (RESULTS_MAX_PAGE_SIZE)"),
            bounds=_bounds(given, names),
        )


def unknown_symbol(symbol: str, symbols: Sequence[str]) -> str:
    """What to say of a symbol that the batch does not have."""
    return f"{symbol[:40]!r} is not among the symbols of this batch.{nearest(symbol, symbols)}"


@dataclass(frozen=True)
class ResultsPage:
    """One page of contract rows; total counts the rows that pass the filters."""

    rows: list[dict[str, Any]]
    total: int
    page: int
    page_size: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, math.ceil(self.total / self.page_size))


def default_sort(session: BatchSession) -> str:
    """The batch's own order, best first."""
    return ("-" if METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better else "") + session.sort_by


def sortable(plan: Plan) -> list[str]:
    """The wire names that can be sorted and filtered by: index, coefficient, parameters, metrics."""
    parameters = [wire_name(parameter) for parameter in plan.grid.axes]
    return ["index", *parameters, *(["coefficient"] if plan.grid.coefficients else []), *METRICS_BY_WIRE_NAME]


def page(session: BatchSession, query: ResultsQuery) -> ResultsPage:
    """The asked page. Undefined values come last whichever way it is sorted; equal ones by index."""
    columns = columns_of(session)
    positions = select(columns, query)
    first = (query.page - 1) * query.page_size
    shown = in_order(columns, query, positions, first + query.page_size)[first:]
    rows = columns.rows(shown)
    _add_errors(session, rows)
    return ResultsPage(rows, len(positions), query.page, query.page_size)


def in_order(columns: Columns, query: ResultsQuery, positions: Ints, count: int | None = None) -> Ints:
    """The first `count` of the positions, or all of them, as the query sorts them."""
    values = column(columns, query.sort)[positions]
    wanted = len(positions) if count is None else count
    return positions[first_in_order(values, wanted, descending=query.descending)]


def select(columns: Columns, query: ResultsQuery) -> Ints:
    """Positions of the tests that pass the query's filters."""
    first, last = 0, len(columns.index)
    if query.symbol:
        span = columns.plan.grid.span(columns.plan.grid.symbols.index(query.symbol))
        first, last = (int(at) for at in np.searchsorted(columns.index, span))
    keep = np.ones(last - first, dtype=bool)
    for name, low, high in query.bounds:
        values = column(columns, name)[first:last]
        keep &= (values >= low) & (values <= high)  # an undefined value passes no bound
    return np.flatnonzero(keep) + first


def column(columns: Columns, wire: str) -> Floats:
    """One column of the finished tests by its wire name, float64[n]."""
    if wire == "index" or not len(columns.index):
        return columns.index.astype(np.float64)
    if wire in METRICS_BY_WIRE_NAME:
        return columns.metric(METRICS_BY_WIRE_NAME[wire].name)
    decoded = columns.plan.grid.decode_many(columns.index)
    if wire == "coefficient":
        return np.asarray(decoded.coefficient, dtype=np.float64)
    return next(values.astype(np.float64) for name, values in decoded.parameters.items() if wire_name(name) == wire)


def _add_errors(session: BatchSession, rows: list[dict[str, Any]]) -> None:
    """Failed tests, and only they, say why."""
    failed = [row for row in rows if row["finalEquity"] is None]
    if failed:
        messages = Failures.of(session).messages(np.array([row["index"] for row in failed])).to_pylist()
        for row, message in zip(failed, messages, strict=True):
            if message is not None:
                row["error"] = message


def _bounds(given: Mapping[str, str], names: list[str]) -> tuple[tuple[str, float, float], ...]:
    bounds: dict[str, list[float]] = {}
    for key in given:
        if key in KNOWN or given[key] == "":
            continue
        match = BOUND.fullmatch(key)
        if not match:
            raise InvalidRequest(_unknown(key[:60], key, [*KNOWN, "min.<name>", "max.<name>"]))
        name = match[2] or match[3][:1].lower() + match[3][1:]
        if name not in names:
            raise InvalidRequest(_unknown(key[:60], name, names))
        low_high = bounds.setdefault(name, [-math.inf, math.inf])
        low_high[match[1] == "max"] = _number(key, given[key])
    return tuple((name, low, high) for name, (low, high) in bounds.items())


def _number(field: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(Detail(field, f"{field} is {text[:40]!r}; a number is wanted."))
    return number


def _whole(given: Mapping[str, str], field: str, default: int, high: int, limit: str = "") -> int:
    text = given.get(field) or str(min(default, high))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= high):
        raise InvalidRequest(
            Detail(field, f"{field} is {text[:40]!r}; a whole number from 1 to {high:,}{limit} is wanted.")
        )
    return int(text)


def _unknown(field: str, name: str, names: list[str]) -> Detail:
    hint = nearest(name, names) or f" Known are {', '.join(names)}."
    return Detail(field, f"There is no {name[:60]!r} here.{hint}")
