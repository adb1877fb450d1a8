"""Pages of results, sorted and filtered by any metric and any parameter."""

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.timeframes import seconds_of
from batches.errors import Detail, InvalidRequest
from batches.models import BatchSession
from batches.results import formula
from batches.results.array_cache import cache
from batches.results.columns import ResultColumns, columns_of
from batches.results.failures import Failures
from batches.results.holding import AHEAD, SORTABLE, ahead_of_holding
from batches.results.ranking import first_in_order
from batches.results.windows import whole_field
from batches.sweep.plan import Plan, plan_of
from batches.sweep.wire_names import JUDGED, METRICS_BY_WIRE_NAME, wire_name
from batches.sweep.wire_types import Row
from batches.symbols import normalized
from batches.validators import nearest

Positions = npt.NDArray[np.int32]
PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000
LARGE = 100_000  # tests; the orders of smaller batches are not kept
BOUND = re.compile(r"(min|max)(?:\.(\w+)|([A-Z]\w*))", re.ASCII)  # min.sharpe or minSharpe
FIELDS = ("sort", "symbol", "timeframe", "page", "pageSize")


@dataclass(frozen=True)
class ResultsQuery:
    """sort : wire name of a metric or parameter, or `=` and a formula; bounds : (wire name, at least, at most)"""

    sort: str
    descending: bool
    symbol: str
    timeframe: str
    page: int
    page_size: int
    bounds: tuple[tuple[str, float, float], ...]

    @classmethod
    def parse(cls, session: BatchSession, query: Mapping[str, str], *, sort: str = "") -> "ResultsQuery":
        """Parse a query string, or raise InvalidRequest. sort : the default order"""
        names = sortable(plan_of(session))
        sort = query.get("sort") or sort or default_sort(session)
        name = sort.removeprefix("-")
        if name.startswith(formula.MARK):
            _check_formula(name, names)
        elif name not in names:
            raise InvalidRequest(_unknown("sort", name, names))
        symbol = normalized(query.get("symbol", ""))
        if symbol and symbol not in plan_of(session).grid.symbols:
            raise InvalidRequest(Detail("symbol", unknown_symbol(symbol, plan_of(session).grid.symbols)))
        timeframe = query.get("timeframe", "")
        check_timeframe(timeframe, plan_of(session))
        return cls(
            sort=name,
            descending=sort.startswith("-"),
            symbol=symbol,
            timeframe=timeframe,
            page=whole_field(query, "page", 1, 10**9) or 1,
            page_size=whole_field(query, "pageSize", 1, MAX_PAGE_SIZE) or PAGE_SIZE,
            bounds=_bounds(query, names),
        )


def _check_formula(name: str, names: Sequence[str]) -> None:
    try:
        formula.check(name.removeprefix(formula.MARK), names)
    except formula.BadFormula as error:
        raise InvalidRequest(Detail("sort", str(error))) from None


def check_timeframe(timeframe: str, plan: Plan) -> None:
    """Refuse one that the batch does not have; "" is any."""
    if timeframe and timeframe not in plan.timeframes:
        names = timeframe_names(plan)
        message = f"{timeframe[:40]!r} is not among the timeframes of this batch: {', '.join(names) or 'none'}."
        raise InvalidRequest(Detail("timeframe", message))


def timeframe_names(plan: Plan) -> list[str]:
    """Return the distinct timeframes of a batch."""
    return [name for name in dict.fromkeys(plan.timeframes) if name]


def of_timeframe(plan: Plan, index: Ints, timeframe: str) -> Bools:
    """Return which tests are of the timeframe, bool[n]. index : of the tests"""
    series = np.array([name == timeframe for name in plan.timeframes])
    return np.asarray(series[index // plan.grid.size_per_series])


def unknown_symbol(symbol: str, symbols: Sequence[str]) -> str:
    """Return the message for a symbol that the batch does not have."""
    return f"{symbol[:40]!r} is not among the symbols of this batch.{nearest(symbol, symbols)}"


@dataclass(frozen=True)
class ResultsPage:
    """total : the number of rows that pass the filters"""

    rows: list[Row]
    total: int
    page: int
    page_size: int

    @property
    def pages(self) -> int:
        """The number of pages, at least one."""
        return max(1, math.ceil(self.total / self.page_size))


def default_sort(session: BatchSession) -> str:
    """Return the order by the batch's own metric, best first."""
    return ("-" if METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better else "") + session.sort_by


def higher_is_better(name: str, sort_by: str) -> bool:
    """Return the direction of a metric by its wire name; the median of neighbors has that of the batch's own metric."""
    metric = SORTABLE.get(sort_by if name == "neighbourMedian" else name)
    return metric is None or metric.higher_is_better


def sortable(plan: Plan) -> list[str]:
    """Return the wire names that can be sorted and filtered by."""
    parameters = [wire_name(parameter) for parameter in plan.grid.axes]
    return [
        "index",
        *(["timeframe"] if plan.grid.timeframes else []),
        *parameters,
        *(["coefficient"] if plan.grid.coefficients else []),
        *SORTABLE,
        *JUDGED,
    ]


def page(session: BatchSession, query: ResultsQuery) -> ResultsPage:
    """Return a page of rows. Undefined values come last in either direction; ties by index."""
    columns = columns_of(session)
    first = (query.page - 1) * query.page_size
    positions, total = _first_rows(columns, query, first + query.page_size)
    rows = columns.rows(positions[first:])
    _add_errors(session, rows)
    return ResultsPage(rows, total, query.page, query.page_size)


def _first_rows(columns: ResultColumns, query: ResultsQuery, count: int) -> tuple[Ints, int]:
    """Return the first `count` positions as the query sorts them, and the number of all that pass its filters.

    The first pages of a large batch are found without the order of all its rows.
    """
    order = cache.known(order_key(columns, query))
    if order is None and count < len(columns.index) // 4:
        positions = select(columns, query)
        return in_order(columns, query, positions, count), len(positions)
    if order is None:
        order = order_of(columns, query)
    return order[:count].astype(np.int64), len(order)


def order_of(columns: ResultColumns, query: ResultsQuery) -> Positions:
    """Return the positions of all rows that pass the query's filters, in its order, int32[n]."""

    def compute() -> Positions:
        return in_order(columns, query, select(columns, query)).astype(np.int32)

    if len(columns.index) < LARGE:
        return compute()
    return cache.get(order_key(columns, query), compute)


def order_key(columns: ResultColumns, query: ResultsQuery) -> Hashable:
    chosen = query.symbol, query.timeframe, query.bounds
    return columns.identity, columns.verdict, query.sort, query.descending, *chosen


def in_order(columns: ResultColumns, query: ResultsQuery, positions: Ints, count: int | None = None) -> Ints:
    """Return the first `count` of the positions, or all, as the query sorts them."""
    values = column(columns, query.sort)[positions]
    limit = len(positions) if count is None else count
    return positions[first_in_order(values, limit, descending=query.descending)]


def select(columns: ResultColumns, query: ResultsQuery) -> Ints:
    """Return the positions of the tests that pass the query's filters."""
    first, last = 0, len(columns.index)
    if query.symbol:
        first, last = columns.span(columns.plan.grid.symbols.index(query.symbol))
    keep = np.ones(last - first, dtype=bool)
    if query.timeframe:
        keep &= of_timeframe(columns.plan, columns.index[first:last], query.timeframe)
    for name, low, high in query.bounds:
        values = column(columns, name)[first:last]
        keep &= (values >= low) & (values <= high)  # an undefined value passes no bound
    return np.flatnonzero(keep) + first


def column(columns: ResultColumns, wire: str) -> Floats:
    """Return one column of the finished tests by its wire name, float64[n]."""
    if wire == "index" or not len(columns.index):
        return columns.index.astype(np.float64)
    if wire.startswith(formula.MARK):
        values = formula.evaluate(wire.removeprefix(formula.MARK), lambda name: column(columns, name))
        return np.broadcast_to(values, columns.index.shape)
    if wire in METRICS_BY_WIRE_NAME:
        return columns.metric(METRICS_BY_WIRE_NAME[wire].name)
    if wire in JUDGED:
        return columns.judged(wire)
    if wire == "timeframe":
        return _lengths(columns)
    if wire == AHEAD:
        return ahead_of_holding(columns)
    decoded = columns.plan.grid.decode_many(columns.index)
    if wire == "coefficient":
        return np.asarray(decoded.coefficient, dtype=np.float64)
    return next(values.astype(np.float64) for name, values in decoded.parameters.items() if wire_name(name) == wire)


def _lengths(columns: ResultColumns) -> Floats:
    """Return the length of a bar of each test in seconds, which sorts timeframes."""
    grid = columns.plan.grid
    lengths = np.array([seconds_of(timeframe) for timeframe in grid.timeframes or ()], dtype=np.float64)
    return lengths[columns.index // grid.size_per_series % grid.n_timeframes]


def _add_errors(session: BatchSession, rows: list[Row]) -> None:
    """Add `error` to the rows of failed tests."""
    failed = [row for row in rows if row["finalEquity"] is None]
    if failed:
        messages = Failures.of(session).messages(np.array([row["index"] for row in failed])).to_pylist()
        for row, message in zip(failed, messages, strict=True):
            if message is not None:
                row["error"] = message


def _bounds(query: Mapping[str, str], names: list[str]) -> tuple[tuple[str, float, float], ...]:
    bounds: dict[str, list[float]] = {}
    for key in query:
        if key in FIELDS or query[key] == "":
            continue
        match = BOUND.fullmatch(key)
        if not match:
            raise InvalidRequest(_unknown(key[:60], key, [*FIELDS, "min.<name>", "max.<name>"]))
        name = match[2] or match[3][:1].lower() + match[3][1:]
        if name not in names:
            raise InvalidRequest(_unknown(key[:60], name, names))
        low_high = bounds.setdefault(name, [-math.inf, math.inf])
        low_high[match[1] == "max"] = _number(key, query[key])
    return tuple((name, low, high) for name, (low, high) in bounds.items())


def _number(field: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(Detail(field, f"{field} must be a finite number, got {text[:40]!r}."))
    return number


def _unknown(field: str, name: str, names: list[str]) -> Detail:
    hint = nearest(name, names) or f" Choose from {', '.join(names)}."
    return Detail(field, f"Unknown name {name[:60]!r}.{hint}")
