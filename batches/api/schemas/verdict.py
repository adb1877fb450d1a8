"""Answers about luck: the verdict on a batch, and the ledger of what was tried on a series."""

from typing import Annotated, Any, Literal

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import Day, Moment, Success, object_schema, request_body
from batches.sweep.wire_types import Count, SessionId, Symbol, doc
from batches.verdict.options import MOST_BARS

Share = Annotated[float | None, doc("A fraction.", ge=0, le=1)]
Part = Annotated[dict[str, Any] | None, WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "null"}]})]
STATES = ("too_short", "no_better_than_holding", "likely_luck", "weak", "edge_not_choice", "holds_up")


class LedgerQuery(TypedDict):
    """Which instrument."""

    symbol: Annotated[str, doc("An instrument of /api/instruments, in any case.")]


class Ledger(TypedDict):
    """What was ever tried on one instrument: by you in team mode, by everybody in personal mode."""

    success: Success
    symbol: Symbol
    trials: Annotated[
        Count, doc("Finished tests with a Sharpe ratio, those of deleted batches included; each counts once.")
    ]
    batches: Annotated[Count, doc("Different requests that they belong to.")]
    meanSharpe: Annotated[float | None, doc("Mean of their annual Sharpe ratios.")]
    sharpeDeviation: Annotated[float | None, doc("Standard deviation of these; null for fewer than two.")]
    firstDate: Annotated[Day | None, doc("The first day that any of them has seen.")]
    lastDate: Annotated[Day | None, doc("The last day that any of them has seen.")]
    newestAt: Annotated[Moment | None, doc("When the newest one was counted.")]


class ShortVerdict(TypedDict):
    """The verdict in one sentence."""

    state: Annotated[str, WithJsonSchema({"enum": list(STATES)}), doc("One of six.")]
    sentence: Annotated[str, doc("With its numbers.")]


class Verdict(TypedDict):
    """Is the best of the batch luck? A part that cannot be computed is null, with a code under its name in `reasons`.

    All Sharpe ratios are annual. docs/verdict.md says what each number means.
    """

    success: Success
    sessionId: SessionId
    status: Annotated[
        Literal["waiting", "running", "ready", "unavailable"],
        doc("waiting and running: ask again; unavailable: `reasons.verdict` says why."),
    ]
    progress: Annotated[str | None, doc("What is being done, in words.")]
    estimatedSeconds: Annotated[float | None, doc("Of one worker, at most, for the options.")]
    options: Annotated[dict[str, Any] | None, doc("Those of the request that computes it.")]
    state: Annotated[str | None, WithJsonSchema({"enum": [*STATES, None]}), doc("One of six; null until it is ready.")]
    sentence: Annotated[str | None, doc("The verdict in one sentence, with its numbers.")]
    trials: Annotated[Part, doc("tried, defined, different, ever, earlierBatches, behaveLike.")]
    best: Annotated[
        Part, doc("index, symbol, sharpe, skew, kurtosis, psr, deflatedSharpe, minTrackRecordBars, closedTrades.")
    ]
    luck: Annotated[Part, doc("line, mean, p95, p, histogram: what luck shows for so many tests, by the bootstrap.")]
    holding: Annotated[Part, doc("sharpe, p, rowsAhead: buy and hold of the best row's symbol.")]
    shuffle: Annotated[Part, doc("p, draws, stoppedEarly, metric, best, p95, histogram: the sweep on shuffled days.")]
    pbo: Annotated[Part, doc("value, noiseBand, splits, of, blocks, probLoss, logits.")]
    walkForward: Annotated[
        Part,
        doc(
            "windows, sharpe, totalReturn, efficiency, switchCost, positive, distinctPicks, holding, hindsight, curve,"
            " matrix (train, test, sharpe, median): other lengths of the windows."
        ),
    ]
    stability: Annotated[Part, doc("rankCorrelation, earlyWinner, points: do good ones stay good?")]
    plateau: Annotated[Part, doc("index, neighbourMedian, peakMedian, bestRatio, onEdge.")]
    minBacktestYears: Annotated[float | None, doc("Years that so many tries need for a Sharpe ratio of 1.")]
    triesAllowed: Annotated[float | None, doc("Tries that these years allow for a Sharpe ratio of 1.")]
    reasons: Annotated[dict[str, str], doc("Why a part is null, by its name.")]


VERDICT_FIELDS: dict[str, dict[str, Any]] = {
    "benchmark": {"enum": ["hold", "zero"], "default": "hold"},
    "blocks": {"type": "integer", "minimum": 4, "maximum": 16, "multipleOf": 2, "default": 16},
    "splits": {"type": "integer", "minimum": 2, "maximum": 20_000, "multipleOf": 2, "default": 1024},
    "replicates": {"type": "integer", "minimum": 99, "maximum": 10_000, "default": 1000},
    "groups": {"type": "integer", "minimum": 16, "maximum": 512, "default": 128},
    "shuffles": {"type": "integer", "minimum": 0, "maximum": 9_999, "default": 199},
    "shuffleBlock": {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 1},
    **{name: {"type": ["integer", "null"], "minimum": 2, "maximum": MOST_BARS} for name in ("train", "test", "step")},
    "gap": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 0},
    "anchored": {"type": "boolean", "default": False},
    "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 1},
}
VERDICT_BODY = request_body(
    object_schema(VERDICT_FIELDS), required=False, examples={"default": {"summary": "All defaults", "value": {}}}
)
