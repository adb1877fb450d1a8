"""What watchers and readers of results are sent: rows, events, the end of a batch."""

from batches.api.openapi.fields import (
    BETA,
    COEFFICIENT,
    METRIC_NAME,
    METRICS_OF_A_TEST,
    PARAMETERS,
    SESSION_ID,
    SYMBOL,
    Schema,
    field,
    listing,
    mapping,
    nullable,
    or_null,
    record,
    ref,
)
from batches.models import Status

INDEX = field("integer", "The combination's stable number in the batch, from 0.", minimum=0)
IDENTITY = {"index": INDEX, "symbol": SYMBOL, "parameters": PARAMETERS, "beta": BETA, "coefficient": COEFFICIENT}
ERROR = field("string", "Why the test failed.")

METRICS = record("The metrics of one test; null where a metric is undefined.", METRICS_OF_A_TEST)
ROW = record("One test.", IDENTITY | METRICS_OF_A_TEST | {"error": ERROR}, required=[*IDENTITY, *METRICS_OF_A_TEST])
FAILURE = record(
    "One cause of failed tests.",
    {
        "message": ERROR,
        "count": field("integer", "How many tests failed so.", minimum=1),
        "example": record("One of them.", IDENTITY),
    },
)

BATCH_RESULTS = record(
    "The end of a batch in one object.",
    {
        "totalCombinations": field("integer", "Tests of the batch.", minimum=0),
        "successfulRuns": field("integer", "Tests with a result.", minimum=0),
        "failedRuns": field("integer", "Tests without one.", minimum=0),
        "sortedBy": METRIC_NAME,
        "results": listing("The top rows, best first (BATCH_TOP_ROWS).", ref("Row")),
        "truncated": field("boolean", "Whether there are more rows than these."),
        "resultsUrl": field("string", "Where all of them are read, page by page."),
        "errors": listing("Why tests failed.", ref("Failure")),
        "summary": record(
            "The batch at a glance.",
            {
                "overallBest": or_null(ref("Row"), "The best row, if any can be ranked."),
                "bestBySymbol": mapping("The best row of each symbol.", or_null(ref("Row"), "A row.")),
                "averages": record(
                    "The mean of each metric over the tests where it is defined.",
                    {name: schema | {"type": ["number", "null"]} for name, schema in METRICS_OF_A_TEST.items()},
                ),
            },
        ),
        "comparison": mapping("Buy and hold of each symbol.", or_null(ref("Metrics"), "Null when it has no bars.")),
        "validation": record(
            "What an expert would say before believing the winner.",
            {
                "warnings": listing("Sentences.", {"type": "string"}),
                "excludedCombinations": field("integer", "Senseless ones, which were not run.", minimum=0),
                "engineVersion": field("string", "What computed the results."),
            },
        ),
    },
)

_EVENT: dict[str, Schema] = {
    "type": field("string", "What kind of event.", enum=["connected", "progress", "complete", "error"]),
    "sessionId": SESSION_ID,
    "sequence": field("integer", "Grows with each event of a batch: the higher one is the newer one."),
    "sentAtMs": field("integer", "When it was made, in milliseconds since 1970 (UTC)."),
    "status": field("string", "How the batch stands.", enum=[status.value for status in Status]),
    "phase": nullable(field("string", "What a running batch does: loading, compiling, testing, writing.")),
    "current": field("integer", "Tests done.", minimum=0),
    "total": field("integer", "Tests in all.", minimum=0),
    "percentage": field("number", "Percent done; 100 only when all are.", minimum=0, maximum=100),
    "currentSymbol": nullable(SYMBOL),
    "currentBeta": BETA,
    "currentCoefficient": COEFFICIENT,
    "currentParameters": nullable(PARAMETERS),
    "elapsedTime": field("number", "Seconds since the request, pauses left out.", minimum=0),
    "estimatedTimeRemaining": nullable(field("number", "Seconds; null without anything to estimate from.", minimum=0)),
    "avgTimePerTest": nullable(field("number", "Seconds, over all workers together.", minimum=0)),
    "successfulTests": field("integer", "Tests with a result.", minimum=0),
    "failedTests": field("integer", "Tests without one.", minimum=0),
    "recentErrors": listing("The last few distinct failures in words.", {"type": "string"}),
    "bestSoFar": or_null(ref("Row"), "The best row so far, by the batch's own metric."),
    "leaders": listing("The ten best so far.", ref("Row")),
    "lastWorkerSeenAtMs": nullable(field("integer", "When a worker last touched it, milliseconds since 1970 (UTC).")),
}
EVENT = record(
    "A full snapshot of a batch, the same on every transport.",
    _EVENT
    | {
        "results": or_null(ref("BatchResults"), "With `complete`."),
        "error": nullable(field("string", "With `error`: what happened.")),
        "code": nullable(field("string", "With `error`: TIMEOUT, INTERNAL_ERROR or CANCELLED.")),
    },
    required=list(_EVENT),
)
