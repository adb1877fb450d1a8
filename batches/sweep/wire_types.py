"""What crosses the wire about a batch: rows, events, results. mypy checks the code, the API document quotes the fields.

Nothing is validated at run time: an event or a page of rows goes to orjson as it is.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict  # pydantic accepts that of `typing` only from Python 3.12 on

from batches.models import Status
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME


def doc(description: str, **more: Any) -> Any:
    """Describe a field of the API document."""
    return Field(description=description, **more)


def _describe_metrics(schema: dict[str, Any]) -> None:
    for name, metric in METRICS_BY_WIRE_NAME.items():
        schema["properties"][name]["description"] = f"{metric.description} Unit: {metric.unit}."


Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
SessionId = Annotated[str, doc("The batch.", json_schema_extra={"format": "uuid"})]
Symbol = Annotated[str, doc("An instrument of /api/instruments.", max_length=64)]
MetricName = Annotated[
    str, doc("A metric by its wire name."), WithJsonSchema({"type": "string", "enum": list(METRICS_BY_WIRE_NAME)})
]
StatusName = Annotated[str, doc("State of the batch."), WithJsonSchema({"type": "string", "enum": list(Status.values)})]
Parameters = Annotated[dict[str, float], doc("The tested value of each parameter, before beta scaling.")]
Timeframe = Annotated[
    str | None, doc("Length of the bars, as 5m, 4h, 1d or 1w; null for stored bars that have no such name.")
]
Beta = Annotated[float | None, doc("The instrument's beta, a ratio; null without beta scaling.")]
Coefficient = Annotated[float | None, doc("Multiplies beta; null without beta scaling.")]


class Identity(TypedDict):
    """Which combination of the batch a test is."""

    index: Annotated[int, doc("The combination's stable number in the batch, from 0.", ge=0)]
    symbol: Symbol
    timeframe: Timeframe
    parameters: Parameters
    beta: Beta
    coefficient: Coefficient
    betaLooksAhead: NotRequired[
        Annotated[
            bool, doc("Whether beta is that of the tested dates, known only at their end; only with beta scaling.")
        ]
    ]


@with_config(ConfigDict(json_schema_extra=_describe_metrics))
class Metrics(TypedDict):
    """The metrics of one test; null where a metric is undefined."""

    totalReturn: float | None
    annualizedReturn: float | None
    annualizedVolatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    maxDrawdown: float | None
    winRate: float | None
    profitFactor: float | None
    trades: int | None
    exposure: float | None
    finalEquity: float | None
    expectancy: float | None
    sqn: float | None
    bestTrade: float | None
    worstTrade: float | None
    deployedCapital: float | None
    returnOnDeployed: float | None
    maxDrawdownDuration: float | None


@with_config(ConfigDict(json_schema_extra=_describe_metrics))
class Row(Identity, Metrics):
    """One test."""

    outOfSampleReturn: Annotated[float | None, doc("Return of the last 30 % of the history; null before the verdict.")]
    outOfSampleSharpe: Annotated[float | None, doc("Sharpe ratio of the same; null before the verdict.")]
    neighbourMedian: Annotated[
        float | None, doc("Median of the neighbors on the grid, of the metric that ranks; null before the verdict.")
    ]
    error: NotRequired[Annotated[str, doc("Why the test failed.")]]


class Failure(TypedDict):
    """One cause of failed tests."""

    message: Annotated[str, doc("Why the tests failed.")]
    count: Annotated[int, doc("How many tests failed so.", ge=1)]
    example: Annotated[Identity, doc("One of them.")]


class Summary(TypedDict):
    """The batch at a glance."""

    overallBest: Annotated[Row | None, doc("The best row, if any can be ranked.")]
    bestBySymbol: Annotated[dict[str, Row | None], doc("The best row of each symbol.")]
    averages: Annotated[
        dict[MetricName, float | None], doc("The mean of each metric over the tests where it is defined.")
    ]


class Validation(TypedDict):
    """What an expert would say before believing the winner."""

    warnings: Annotated[list[str], doc("Sentences.")]
    excludedCombinations: Annotated[Count, doc("Combinations that the strategy's constraints exclude.")]
    engineVersion: Annotated[str, doc("The engine that computed the results.")]


class BatchResults(TypedDict):
    """The results of an ended batch in one object."""

    totalCombinations: Annotated[Count, doc("Tests of the batch.")]
    successfulRuns: Annotated[Count, doc("Tests with a result.")]
    failedRuns: Annotated[Count, doc("Tests without one.")]
    sortedBy: MetricName
    results: Annotated[list[Row], doc("The top rows, best first.")]
    truncated: Annotated[bool, doc("Whether there are more rows than these.")]
    resultsUrl: Annotated[str, doc("Address of all rows, in pages.")]
    verdictUrl: NotRequired[Annotated[str, doc("Address of the verdict on luck; not in older batches.")]]
    errors: Annotated[list[Failure], doc("Why tests failed.")]
    summary: Summary
    comparison: Annotated[
        dict[str, Metrics | None],
        doc("Buy and hold of each symbol, over the bars of the first timeframe; null for one without enough bars."),
    ]
    validation: Validation


class Luck(TypedDict):
    """The best so far against what luck alone would show. All Sharpe ratios are annual."""

    trials: Annotated[Count, doc("Tests of this batch with a Sharpe ratio.")]
    trialsEver: Annotated[Count, doc("The same on these prices, earlier batches included (see /api/ledger).")]
    sharpe: Annotated[float, doc("What the best of so many tests without skill would show.")]
    bestSharpe: Annotated[float | None, doc("Of the best so far.")]
    deflatedSharpe: Annotated[
        float | None, doc("Confidence that the best is above luck, a fraction; no probability of skill.", ge=0, le=1)
    ]


class EstimatedLuck(TypedDict):
    """What luck alone would show for the best test, before any of them has run."""

    trials: Annotated[Count, doc("Tests that are new on these prices.")]
    trialsEver: Annotated[Count, doc("With those that were tried on them before.")]
    years: Annotated[float, doc("Years of prices, of the symbol with the fewest.")]
    sharpe: Annotated[float, doc("The annual Sharpe ratio that is expected from luck alone, an upper bound.")]
    sentence: Annotated[str, doc("The same in words.")]


class Loading(TypedDict):
    """The prices that are decoded before they can be tested."""

    symbol: Symbol
    number: Annotated[Count, doc("Its place among the symbols of the batch, from 1.")]
    total: Annotated[Count, doc("Symbols of the batch.")]


class ProgressEvent(TypedDict):
    """A full snapshot of a batch, the same on every transport."""

    type: Annotated[Literal["connected", "progress", "complete", "error"], doc("The last two end a stream.")]
    sessionId: SessionId
    sequence: Annotated[int, doc("Grows with each event of a batch: the higher one is the newer one.")]
    sentAtMs: Annotated[int, doc("When it was made, in milliseconds since 1970 (UTC).")]
    status: StatusName
    phase: Annotated[str | None, doc("What a running batch does now: loading, compiling, testing or writing.")]
    loading: NotRequired[
        Annotated[Loading, doc("In the phase loading: the symbol whose bars are decoded, if they are many.")]
    ]
    current: Annotated[Count, doc("Tests done.")]
    total: Annotated[Count, doc("Tests in all.")]
    percentage: Annotated[float, doc("Percent done; 100 only when all tests are.", ge=0, le=100)]
    currentSymbol: Annotated[Symbol | None, doc("Symbol of the newest finished test.")]
    currentBeta: Beta
    currentCoefficient: Coefficient
    currentParameters: Annotated[Parameters | None, doc("Parameters of the newest finished test.")]
    elapsedTime: Annotated[Seconds, doc("Seconds since the request, pauses left out.")]
    estimatedTimeRemaining: Annotated[Seconds | None, doc("Seconds; null without anything to estimate from.")]
    avgTimePerTest: Annotated[Seconds | None, doc("Seconds, over all workers together.")]
    successfulTests: Annotated[Count, doc("Tests with a result.")]
    failedTests: Annotated[Count, doc("Tests without one.")]
    recentErrors: Annotated[list[str], doc("The last few distinct failures in words.")]
    bestSoFar: Annotated[Row | None, doc("The best row so far, by the batch's own metric.")]
    leaders: Annotated[list[Row], doc("The ten best rows so far.")]
    luck: Annotated[Luck | None, doc("The best against luck; null while fewer than two tests have a Sharpe ratio.")]
    lastWorkerSeenAtMs: Annotated[int | None, doc("When a worker last worked on it, in milliseconds since 1970 (UTC).")]
    results: NotRequired[Annotated[BatchResults | None, doc("With `complete`.")]]
    error: NotRequired[Annotated[str | None, doc("With `error`: what happened.")]]
    code: NotRequired[Annotated[str | None, doc("With `error`: TIMEOUT, INTERNAL_ERROR or CANCELLED.")]]
