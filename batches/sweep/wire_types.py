"""What crosses the wire about a batch: rows, events, results. mypy checks the code, the API document quotes the fields.

Nothing is validated at run time: an event or a page of rows goes to orjson as it is.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict  # pydantic accepts that of `typing` only from Python 3.12 on

from batches.models import Status
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME


def _describe_metrics(schema: dict[str, Any]) -> None:
    for name, metric in METRICS_BY_WIRE_NAME.items():
        schema["properties"][name]["description"] = f"{metric.description} Unit: {metric.unit}."


Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
SessionId = Annotated[str, Field(description="The batch.", json_schema_extra={"format": "uuid"})]
Symbol = Annotated[str, Field(description="An instrument of /api/instruments.", max_length=64)]
MetricName = Annotated[
    str,
    Field(description="A metric by its wire name."),
    WithJsonSchema({"type": "string", "enum": list(METRICS_BY_WIRE_NAME)}),
]
StatusName = Annotated[
    str, Field(description="State of the batch."), WithJsonSchema({"type": "string", "enum": list(Status.values)})
]
Parameters = Annotated[dict[str, float], Field(description="The tested value of each parameter, before beta scaling.")]
Beta = Annotated[float | None, Field(description="The instrument's beta, a ratio; null without beta scaling.")]
Coefficient = Annotated[float | None, Field(description="Multiplies beta; null without beta scaling.")]


class Identity(TypedDict):
    """Which combination of the batch a test is."""

    index: Annotated[int, Field(description="The combination's stable number in the batch, from 0.", ge=0)]
    symbol: Symbol
    parameters: Parameters
    beta: Beta
    coefficient: Coefficient


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

    error: NotRequired[Annotated[str, Field(description="Why the test failed.")]]


class Failure(TypedDict):
    """One cause of failed tests."""

    message: Annotated[str, Field(description="Why the tests failed.")]
    count: Annotated[int, Field(description="How many tests failed so.", ge=1)]
    example: Annotated[Identity, Field(description="One of them.")]


class Summary(TypedDict):
    """The batch at a glance."""

    overallBest: Annotated[Row | None, Field(description="The best row, if any can be ranked.")]
    bestBySymbol: Annotated[dict[str, Row | None], Field(description="The best row of each symbol.")]
    averages: Annotated[
        dict[MetricName, float | None], Field(description="The mean of each metric over the tests where it is defined.")
    ]


class Validation(TypedDict):
    """What an expert would say before believing the winner."""

    warnings: Annotated[list[str], Field(description="Sentences.")]
    excludedCombinations: Annotated[Count, Field(description="Combinations that the strategy's constraints exclude.")]
    engineVersion: Annotated[str, Field(description="The engine that computed the results.")]


class BatchResults(TypedDict):
    """The results of an ended batch in one object."""

    totalCombinations: Annotated[Count, Field(description="Tests of the batch.")]
    successfulRuns: Annotated[Count, Field(description="Tests with a result.")]
    failedRuns: Annotated[Count, Field(description="Tests without one.")]
    sortedBy: MetricName
    results: Annotated[list[Row], Field(description="The top rows, best first.")]
    truncated: Annotated[bool, Field(description="Whether there are more rows than these.")]
    resultsUrl: Annotated[str, Field(description="Address of all rows, in pages.")]
    errors: Annotated[list[Failure], Field(description="Why tests failed.")]
    summary: Summary
    comparison: Annotated[
        dict[str, Metrics | None], Field(description="Buy and hold of each symbol; null for one without enough bars.")
    ]
    validation: Validation


class ProgressEvent(TypedDict):
    """A full snapshot of a batch, the same on every transport."""

    type: Annotated[
        Literal["connected", "progress", "complete", "error"], Field(description="The last two end a stream.")
    ]
    sessionId: SessionId
    sequence: Annotated[int, Field(description="Grows with each event of a batch: the higher one is the newer one.")]
    sentAtMs: Annotated[int, Field(description="When it was made, in milliseconds since 1970 (UTC).")]
    status: StatusName
    phase: Annotated[
        str | None, Field(description="What a running batch does now: loading, compiling, testing or writing.")
    ]
    current: Annotated[Count, Field(description="Tests done.")]
    total: Annotated[Count, Field(description="Tests in all.")]
    percentage: Annotated[float, Field(description="Percent done; 100 only when all tests are.", ge=0, le=100)]
    currentSymbol: Annotated[Symbol | None, Field(description="Symbol of the newest finished test.")]
    currentBeta: Beta
    currentCoefficient: Coefficient
    currentParameters: Annotated[Parameters | None, Field(description="Parameters of the newest finished test.")]
    elapsedTime: Annotated[Seconds, Field(description="Seconds since the request, pauses left out.")]
    estimatedTimeRemaining: Annotated[
        Seconds | None, Field(description="Seconds; null without anything to estimate from.")
    ]
    avgTimePerTest: Annotated[Seconds | None, Field(description="Seconds, over all workers together.")]
    successfulTests: Annotated[Count, Field(description="Tests with a result.")]
    failedTests: Annotated[Count, Field(description="Tests without one.")]
    recentErrors: Annotated[list[str], Field(description="The last few distinct failures in words.")]
    bestSoFar: Annotated[Row | None, Field(description="The best row so far, by the batch's own metric.")]
    leaders: Annotated[list[Row], Field(description="The ten best rows so far.")]
    lastWorkerSeenAtMs: Annotated[
        int | None, Field(description="When a worker last worked on it, in milliseconds since 1970 (UTC).")
    ]
    results: NotRequired[Annotated[BatchResults | None, Field(description="With `complete`.")]]
    error: NotRequired[Annotated[str | None, Field(description="With `error`: what happened.")]]
    code: NotRequired[Annotated[str | None, Field(description="With `error`: TIMEOUT, INTERNAL_ERROR or CANCELLED.")]]
