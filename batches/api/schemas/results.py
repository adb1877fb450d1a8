"""Answers with the results of a batch, and the query strings that choose them."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import Day, Success
from batches.results.query import MAX_PAGE_SIZE
from batches.sweep.wire_types import Count, Identity, MetricName, Metrics, Row, SessionId, StatusName, Symbol

Aggregate = Annotated[
    str,
    Field(description="How tests of one cell are joined."),
    WithJsonSchema({"type": "string", "enum": ["best", "mean", "median"]}),
]
Curve = list[float]


class AllResults(TypedDict):
    """The rows of all pages."""

    success: Success
    sessionId: SessionId
    results: Annotated[list[Row], Field(description="The rows.")]


class ResultsPage(AllResults):
    """A page of results."""

    status: StatusName
    sort: Annotated[str, Field(description="What the rows are sorted by; with a minus, descending.")]
    defaultSort: Annotated[str, Field(description="The batch's own order.")]
    total: Annotated[Count, Field(description="Rows that pass the filters.")]
    page: Annotated[int, Field(description="Number of the page, from 1.", ge=1)]
    pageSize: Annotated[int, Field(description="Rows per page.", ge=1)]
    pages: Annotated[int, Field(description="Pages in all.", ge=1)]


class Axis(TypedDict):
    """One axis of a heatmap."""

    name: Annotated[str, Field(description="A parameter.")]
    values: Annotated[list[float], Field(description="Its values, in the parameter's unit.")]


class Heatmap(TypedDict):
    """Two parameters against a metric."""

    success: Success
    sessionId: SessionId
    x: Axis
    y: Axis
    metric: MetricName
    symbol: Annotated[Symbol | None, Field(description="The symbol whose tests are shown; null: all symbols.")]
    aggregate: Aggregate
    tests: Annotated[Count, Field(description="Finished tests in the cells.")]
    values: Annotated[
        list[list[float | None]],
        Field(description="values[row of y][column of x], in the metric's unit; null without a value."),
    ]


class _Return(TypedDict("_Return", {  # not a name that Python allows in a class body
    "return": Annotated[float | None, Field(description="Profit as a fraction of what was put in.")],
})):  # fmt: skip
    pass


class Trade(_Return):
    """One trade."""

    entryDate: Annotated[Day, Field(description="The day it was opened.")]
    exitDate: Annotated[Day | None, Field(description="The day it was closed; null while it is open.")]
    side: Annotated[Literal["long", "short"], Field(description="long or short.")]
    entryPrice: Annotated[float, Field(description="In the currency of the prices.")]
    exitPrice: Annotated[float | None, Field(description="In the currency of the prices; null while it is open.")]
    shares: Annotated[float, Field(description="How many.")]
    pnl: Annotated[float | None, Field(description="Profit after costs, in the currency of the prices.")]
    bars: Annotated[Count, Field(description="How many bars it was held.")]


class Held(TypedDict):
    """A position that is never sold."""

    metrics: Metrics
    equity: Annotated[Curve, Field(description="At each close, in the currency of the prices.")]


class BuyAndHold(Held):
    """All capital invested at the first bar and held to the end."""

    samePurchases: NotRequired[
        Annotated[Held, Field(description="The same cash on the same days, for strategies that buy in lots.")]
    ]
    equalInstalments: NotRequired[
        Annotated[Held, Field(description="As many equal parts, evenly spaced, for the same strategies.")]
    ]


class UndefinedReason(TypedDict):
    """Why a metric is null."""

    code: Annotated[str, Field(description="For programs.")]
    sentence: Annotated[str, Field(description="In words.")]


class Combination(Identity):
    """One combination in full, computed again from its index."""

    success: Success
    sessionId: SessionId
    effectiveParameters: Annotated[dict[str, float], Field(description="The values after beta scaling.")]
    metrics: Metrics
    undefined: Annotated[dict[str, UndefinedReason], Field(description="Why a metric is null.")]
    dates: Annotated[list[str], Field(description="The day of each bar.")]
    equity: Annotated[Curve, Field(description="Cash and position at each close, in the currency of the prices.")]
    drawdown: Annotated[
        Curve, Field(description="Fall from the highest equity so far at each close, a fraction, zero or below.")
    ]
    exposure: Annotated[Curve, Field(description="Share of the equity in the position at each close, a fraction.")]
    trades: Annotated[list[Trade], Field(description="In order of their entries.")]
    buyAndHold: BuyAndHold


class PageQuery(TypedDict, total=False):
    """How a page of results is chosen. The bounds have names of their own."""

    sort: Annotated[
        str,
        Field(
            description="A metric, a swept parameter, `coefficient` or `index`; with a minus, descending.",
            examples=["-sharpe"],
        ),
    ]
    symbol: Annotated[str, Field(description="Only this symbol of the batch.")]
    page: Annotated[
        int, Field(description="From 1. A download ignores it.", ge=1, le=10**9, json_schema_extra={"default": 1})
    ]
    pageSize: Annotated[
        int,
        Field(
            description="Rows per page. A download ignores it.",
            ge=1,
            le=MAX_PAGE_SIZE,
            json_schema_extra={"default": 50},
        ),
    ]


class HeatmapQuery(TypedDict, total=False):
    """How a heatmap is chosen."""

    x: Annotated[str, Field(description="A swept parameter; the first one that is not `y` when left out.")]
    y: Annotated[str, Field(description="Another one; the first one that is not `x` when left out.")]
    metric: Annotated[MetricName, Field(description="A metric; the batch's own when left out.")]
    symbol: Annotated[str, Field(description="Only this symbol of the batch.")]
    aggregate: Aggregate
