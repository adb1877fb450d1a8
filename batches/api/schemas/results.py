"""Answers with the results of a batch, and the query strings that choose them."""

from typing import Annotated, Literal, NotRequired

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import Success
from batches.api.schemas.verdict import ShortVerdict
from batches.results.heatmap import FEWEST_CELLS, MAPPED, MOST_CELLS
from batches.results.query import MAX_PAGE_SIZE
from batches.results.windows import FEWEST_POINTS, MOST_POINTS, TRADES
from batches.sweep.wire_types import Count, Identity, Metrics, Row, SessionId, StatusName, Symbol, doc

Aggregate = Annotated[
    str,
    doc("How tests of one cell are joined."),
    WithJsonSchema({"type": "string", "enum": ["best", "mean", "median"]}),
]
Curve = list[float]
MapMetric = Annotated[
    str,
    doc(
        "A metric by its wire name, aheadOfHolding (the annual return in excess of buy and hold), or a column of the"
        " verdict, without values before it."
    ),
    WithJsonSchema({"type": "string", "enum": list(MAPPED)}),
]


class Rows(TypedDict):
    """Rows of a batch."""

    success: Success
    sessionId: SessionId
    results: Annotated[list[Row], doc("The rows.")]


class AllResults(Rows):
    """The rows of all pages."""

    verdict: Annotated[ShortVerdict | None, doc("Is the best of them luck? Null until the verdict is ready.")]


class ResultsPage(Rows):
    """A page of results."""

    status: StatusName
    sort: Annotated[str, doc("What the rows are sorted by; with a minus, descending.")]
    defaultSort: Annotated[str, doc("The batch's own order.")]
    total: Annotated[Count, doc("Rows that pass the filters.")]
    page: Annotated[int, doc("Number of the page, from 1.", ge=1)]
    pageSize: Annotated[int, doc("Rows per page.", ge=1)]
    pages: Annotated[int, doc("Pages in all.", ge=1)]


class Axis(TypedDict):
    """One axis of a heatmap."""

    name: Annotated[str, doc("A parameter.")]
    values: Annotated[list[float], doc("Its values, in the parameter's unit.")]
    cellValues: NotRequired[
        Annotated[list[list[float]], doc("The values that share each cell, where `cells` asks for fewer cells.")]
    ]


class Heatmap(TypedDict):
    """Two parameters against a metric."""

    success: Success
    sessionId: SessionId
    x: Axis
    y: Axis
    metric: MapMetric
    symbol: Annotated[Symbol | None, doc("The symbol whose tests are shown; null: all symbols.")]
    timeframe: Annotated[str | None, doc("The timeframe whose tests are shown; null: all timeframes.")]
    aggregate: Aggregate
    tests: Annotated[Count, doc("Finished tests in the cells.")]
    values: Annotated[
        list[list[float | None]], doc("values[row of y][column of x], in the metric's unit; null without a value.")
    ]
    counts: Annotated[list[list[Count]], doc("How many tests have a value in each cell: fewer where tests failed.")]


# Not a name that Python allows in a class body.
_Return = TypedDict("_Return", {"return": Annotated[float | None, doc("Profit as a fraction of what was put in.")]})


class Trade(_Return):
    """One trade."""

    entryDate: Annotated[str, doc("The day it was opened; of bars within a day the moment.")]
    exitDate: Annotated[str | None, doc("When it was closed, in the same way; null while it is open.")]
    side: Annotated[Literal["long", "short"], doc("long or short.")]
    entryPrice: Annotated[float, doc("In the currency of the prices.")]
    exitPrice: Annotated[float | None, doc("In the currency of the prices; null while it is open.")]
    shares: Annotated[float, doc("How many.")]
    pnl: Annotated[float | None, doc("Profit after costs, in the currency of the prices.")]
    bars: Annotated[Count, doc("How many bars it was held.")]


class Held(TypedDict):
    """A position that is never sold."""

    metrics: Metrics
    equity: Annotated[Curve, doc("At each close, in the currency of the prices.")]


class BuyAndHold(Held):
    """All capital invested at the first bar and held to the end."""

    samePurchases: NotRequired[Annotated[Held, doc("The same cash on the same days, for strategies that buy in lots.")]]
    equalInstalments: NotRequired[Annotated[Held, doc("As many equal parts, evenly spaced, for the same strategies.")]]


class UndefinedReason(TypedDict):
    """Why a metric is null."""

    code: Annotated[str, doc("For programs.")]
    sentence: Annotated[str, doc("In words.")]


Range = TypedDict(
    "Range",
    {
        "from": Annotated[str, doc("The first point.")],
        "to": Annotated[str, doc("The last point.")],
        "bars": Annotated[int, doc("Bars in the range.", ge=1)],
        "points": Annotated[int, doc("Points of the curves: both ends, and the extremes of each stretch.", ge=1)],
    },
)


class TradePages(TypedDict):
    """A page of trades."""

    page: Annotated[int, doc("From 1.", ge=1)]
    pages: Annotated[int, doc("Number of pages.", ge=1)]
    pageSize: Annotated[int, doc("Trades on a page.", ge=1)]
    total: Annotated[Count, doc("Trades of the test.")]


RangeQuery = TypedDict(
    "RangeQuery",
    {
        "from": Annotated[str, doc("First day or moment of the curves.")],
        "to": Annotated[str, doc("Last day or moment of the curves, included.")],
        "points": Annotated[
            int,
            doc(
                "Most points of a curve; 2,000 with a range, and of bars within a day. Else all bars.",
                ge=FEWEST_POINTS,
                le=MOST_POINTS,
            ),
        ],
        "trades.page": Annotated[int, doc(f"A page of {TRADES:,} trades, from 1.", ge=1)],
    },
    total=False,
)


class Combination(Identity):
    """One combination in full, computed again from its index."""

    success: Success
    sessionId: SessionId
    effectiveParameters: Annotated[dict[str, float], doc("The values after beta scaling.")]
    metrics: Metrics
    undefined: Annotated[dict[str, UndefinedReason], doc("Why a metric is null.")]
    range: Annotated[Range, doc("The part of the test that the curves show.")]
    dates: Annotated[list[str], doc("The day of each point; of bars within a day the moment at which it opened.")]
    equity: Annotated[Curve, doc("Cash and position at each close, in the currency of the prices.")]
    drawdown: Annotated[Curve, doc("Fall from the highest equity so far at each close, a fraction, zero or below.")]
    exposure: Annotated[Curve, doc("Share of the equity in the position at each close, a fraction.")]
    trades: Annotated[list[Trade], doc("In order of their entries; a page of them where there are more than 10,000.")]
    tradePages: Annotated[TradePages, doc("Which page of the trades these are.")]
    buyAndHold: BuyAndHold


class PageQuery(TypedDict, total=False):
    """How a page of results is chosen. The bounds have names of their own."""

    sort: Annotated[
        str,
        doc(
            "A metric, aheadOfHolding, a swept parameter, `coefficient` or `index`; with a minus, descending.",
            examples=["-sharpe"],
        ),
    ]
    symbol: Annotated[str, doc("Only this symbol of the batch.")]
    timeframe: Annotated[str, doc("Only this timeframe of the batch, as 1h.")]
    page: Annotated[int, doc("From 1. A download ignores it.", ge=1, le=10**9, json_schema_extra={"default": 1})]
    pageSize: Annotated[
        int,
        doc(
            "Rows per page. A download ignores it.",
            ge=1,
            le=MAX_PAGE_SIZE,
            json_schema_extra={"default": 50},
        ),
    ]


class HeatmapQuery(TypedDict, total=False):
    """How a heatmap is chosen."""

    x: Annotated[str, doc("A swept parameter; the first one that is not `y` when left out.")]
    y: Annotated[str, doc("Another one; the first one that is not `x` when left out.")]
    metric: Annotated[MapMetric, doc("What the cells show; the batch's own metric when left out.")]
    symbol: Annotated[str, doc("Only this symbol of the batch.")]
    timeframe: Annotated[str, doc("Only this timeframe of the batch, as 1h.")]
    aggregate: Aggregate
    cells: Annotated[
        int,
        doc(
            "At most so many cells, for a picture: neighboring values share one, and values have four digits.",
            ge=FEWEST_CELLS,
            le=MOST_CELLS,
        ),
    ]
