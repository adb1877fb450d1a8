"""What is sent to us: the start of a batch, and a file of prices."""

from typing import Any

from django.conf import settings

from backtester.engine import STRATEGIES
from batches.api.openapi.fields import METRIC_NAME, Schema, field, listing, nullable, record, ref
from batches.prices.mapping import ROLES

MOST = settings.BATCH_MAX_AXIS_VALUES
RANGE: Schema = {
    "description": "The values of one parameter, in its unit (see /api/strategies): a list, or steps.",
    "oneOf": [
        listing("The values themselves.", {"type": "number"}, minItems=1, maxItems=MOST),
        record(
            f"From start to stop, stop included; at most {MOST:,} values (BATCH_MAX_AXIS_VALUES).",
            {
                "start": field("number", "The first value."),
                "stop": field("number", "The last value; not below start."),
                "step": field("number", "From one value to the next.", exclusiveMinimum=0),
            },
        ),
    ],
}

EXAMPLES = {
    "ranges": {
        "summary": "Two moving averages over two symbols",
        "value": {
            "strategy": "sma_cross",
            "symbols": ["AAPL", "MSFT"],
            "parameterRanges": {"fast": {"start": 5, "stop": 50, "step": 5}, "slow": [60, 100, 200]},
            "fees": 0.001,
        },
    },
    "betaScaling": {
        "summary": "Percentages scaled by each symbol's beta, ranked by the Sharpe ratio",
        "value": {
            "strategy": "grid_dca",
            "symbols": ["AAPL", "MSFT"],
            "parameterRanges": {"gridInterval": [0.05, 0.1], "profitRequirement": [0.05, 0.1]},
            "enableBetaScaling": True,
            "coefficients": [0.5, 1.0],
            "sortBy": "sharpe",
        },
    },
    "dates": {
        "summary": "Ten years, long and short, with a deadline",
        "value": {
            "strategy": "rsi_reversal",
            "symbols": ["AAPL"],
            "parameterRanges": {"period": [7, 14, 21]},
            "startDate": "2010-01-01",
            "endDate": "2019-12-31",
            "direction": "both",
            "initialCapital": 50_000,
            "timeoutSeconds": 300,
        },
    },
}


def start_request() -> Schema:
    """The body of a start. A function: strategies of the user's own are known only after the start of the program."""
    optional = {
        "parameterRanges": field(
            "object",
            "The values of each parameter of the strategy. One left out has its default. Older clients put symbols,"
            " startDate and endDate here; they are taken from here too.",
            additionalProperties=RANGE,
        ),
        "startDate": field("string", "First day to test; from the first bar when left out.", format="date"),
        "endDate": field("string", "Last day to test, included; to the last bar when left out.", format="date"),
        "direction": field(
            "string", "Which side may be traded, if the strategy can.", enum=["long", "short", "both"], default="long"
        ),
        "enableBetaScaling": field(
            "boolean", "Multiply every percentage parameter by beta x coefficient.", default=False
        ),
        "coefficients": listing(
            "With beta scaling, one more axis of the sweep: what beta is multiplied by.",
            field("number", "A ratio.", exclusiveMinimum=0, maximum=100),
            minItems=1,
            maxItems=MOST,
            default=[1.0],
        ),
        "fees": field("number", "Fraction of the traded value, on each side.", minimum=0, maximum=0.5, default=0),
        "slippage": field("number", "Fraction of the price, to our disadvantage.", minimum=0, maximum=0.5, default=0),
        "initialCapital": field(
            "number", "In the currency of the prices.", minimum=1e-6, maximum=1e15, default=100_000
        ),
        "wholeShares": field("boolean", "Buy whole shares only.", default=False),
        "sortBy": METRIC_NAME | {"description": "The metric that ranks.", "default": "annualizedReturn"},
        "includeComparison": field("boolean", "Add buy and hold of each symbol to the results.", default=True),
        "timeoutSeconds": field(
            "integer",
            "The deadline in seconds; paused time does not count (BATCH_TIMEOUT_MAX_S).",
            minimum=1,
            maximum=settings.BATCH_TIMEOUT_MAX_S,
            default=settings.BATCH_TIMEOUT_S,
        ),
        "abortFailureShare": field(
            "number",
            "End the batch when a larger share (a fraction) of its tests failed; 1: never.",
            minimum=0,
            maximum=1,
            default=settings.BATCH_ABORT_FAILURE_SHARE,
        ),
        "abortMinimumTests": field(
            "integer", "Only after so many tests.", minimum=1, maximum=10**9, default=settings.BATCH_ABORT_MINIMUM_TESTS
        ),
        "sessionId": field("string", "Your own id: the same request sent twice starts one batch.", format="uuid"),
    }
    required: dict[str, Schema] = {
        "strategy": field("string", "A name of /api/strategies.", enum=list(STRATEGIES)),
        "symbols": listing(
            "Symbols of /api/instruments (BATCH_MAX_SYMBOLS).",
            field("string", "A symbol, in any case.", minLength=1),
            minItems=1,
            maxItems=settings.BATCH_MAX_SYMBOLS,
        ),
    }
    properties = required | {name: nullable(schema) for name, schema in optional.items()}
    return record(
        f"A batch: symbols x coefficients x every range, at most {settings.BATCH_MAX_COMBINATIONS:,} combinations"
        " (BATCH_MAX_COMBINATIONS) after those that the strategy declares senseless. A field that is null counts as"
        " left out.",
        properties,
        required=list(required),
    )


START_BODY: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": ref("StartRequest"), "examples": EXAMPLES}},
}
PRICES_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": record(
                "A file of prices.",
                {
                    "file": field(
                        "string",
                        f"CSV (also gzipped) or Parquet, at most {settings.PRICES_MAX_BYTES:,} bytes"
                        " (PRICES_MAX_BYTES).",
                        format="binary",
                    ),
                    "source": field("string", "Where the prices come from, in words; else the file's name."),
                    "layout": field(
                        "string",
                        "A row is a bar of the symbol it names (long), a bar of the one symbol (single), or a day with"
                        " the closes of all symbols (wide). Guessed when left out, as all that follows.",
                        enum=["long", "single", "wide"],
                    ),
                    "symbol": field("string", "Of a file of one symbol; else its name is taken: AAPL.csv."),
                    "decimal": field("string", "The decimal sign.", enum=[".", ","]),
                    "dateOrder": field("string", "Of year, month and day.", enum=["ymd", "dmy", "mdy"]),
                    "timeZone": field("string", "Bring times to this zone, such as America/New_York."),
                }
                | {f"column.{role}": field("string", f"The column that is the {role}.") for role in ROLES},
                required=["file"],
            )
        }
    },
}
