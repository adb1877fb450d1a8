"""What the other routes answer, and the one shape of an error."""

from batches.api.openapi.events import BATCH_RESULTS, EVENT, FAILURE, IDENTITY, METRICS, ROW
from batches.api.openapi.fields import (
    METRIC_NAME,
    SESSION_ID,
    SUCCESS,
    SYMBOL,
    Schema,
    field,
    listing,
    mapping,
    nullable,
    record,
    ref,
)
from batches.api.openapi.requests import start_request

STATUS = EVENT["properties"]["status"]
ERROR_ANSWER = record(
    "The one shape of every refusal, on every transport.",
    {
        "success": field("boolean", "Always false.", const=False),
        "error": field("string", "One clear sentence."),
        "code": field("string", "What happened, for programs: NOT_FOUND, INVALID_REQUEST, ...", pattern="^[A-Z_]+$"),
        "details": listing(
            "What is wrong with which field.",
            record(
                "One field.",
                {
                    "field": field("string", "Its name; inside an object, after a dot. Empty: the body as a whole."),
                    "message": field("string", "What came, and what is wanted."),
                },
            ),
        ),
    },
)
STARTED = record(
    "A batch was started.",
    {
        "success": SUCCESS,
        "sessionId": SESSION_ID,
        "message": field("string", "In words."),
        "total": field("integer", "Tests in all.", minimum=0),
        "streamUrl": field("string", "Server-Sent Events."),
        "websocketUrl": field("string", "The same events over a websocket."),
        "pageUrl": field("string", "The page of the batch."),
        "retryOf": field("string", "The batch that a retry goes on with.", format="uuid"),
    },
    required=["success", "sessionId", "message", "total", "streamUrl", "websocketUrl", "pageUrl"],
)
CLASSIC = record(
    "The classic answer: the results, when they are done.",
    {
        "success": SUCCESS,
        "sessionId": SESSION_ID,
        "executionTimeMs": field("integer", "Milliseconds from the request to the end.", minimum=0),
        "data": ref("BatchResults"),
    },
)
ESTIMATE = record(
    "What a batch would cost.",
    {
        "success": SUCCESS,
        "total": field("integer", "Tests, after the strategy's constraints.", minimum=0),
        "excluded": field("integer", "Senseless combinations, which would not be run.", minimum=0),
        "estimatedSeconds": field("number", "Wall-clock seconds with all workers free.", minimum=0),
        "estimatedBytes": field("integer", "Bytes of stored results.", minimum=0),
    },
)
MOVED = record(
    "How the batch stands now.",
    {
        "success": SUCCESS,
        "sessionId": SESSION_ID,
        "status": STATUS,
        "changed": field("boolean", "False when it stood so already, or had ended."),
    },
)
DELETED = record("The batch and its results are gone.", {"success": SUCCESS, "sessionId": SESSION_ID})
RESULTS_PAGE = record(
    "A page of results.",
    {
        "success": SUCCESS,
        "sessionId": SESSION_ID,
        "status": STATUS,
        "sort": field("string", "What it is sorted by; a minus: descending."),
        "defaultSort": field("string", "The batch's own order."),
        "total": field("integer", "Rows that pass the filters.", minimum=0),
        "page": field("integer", "From 1.", minimum=1),
        "pageSize": field("integer", "Rows a page.", minimum=1),
        "pages": field("integer", "Pages in all.", minimum=1),
        "results": listing("The rows.", ref("Row")),
    },
)
ALL_RESULTS = record(
    "The rows of all pages.",
    {"success": SUCCESS, "sessionId": SESSION_ID, "results": listing("The rows.", ref("Row"))},
)
_AXIS = record(
    "One side.",
    {
        "name": field("string", "A parameter."),
        "values": listing("Its values, in the parameter's unit.", {"type": "number"}),
    },
)
HEATMAP = record(
    "Two parameters against a metric.",
    {
        "success": SUCCESS,
        "sessionId": SESSION_ID,
        "x": _AXIS,
        "y": _AXIS,
        "metric": METRIC_NAME,
        "symbol": nullable(SYMBOL),
        "aggregate": field("string", "How tests in one cell are joined.", enum=["best", "mean", "median"]),
        "tests": field("integer", "Finished tests that were looked at.", minimum=0),
        "values": listing(
            "values[row of y][column of x], in the metric's unit; null without a value.",
            {"type": "array", "items": {"type": ["number", "null"]}},
        ),
    },
)
_TRADE = record(
    "One trade.",
    {
        "entryDate": field("string", "The day it was opened.", format="date"),
        "exitDate": nullable(field("string", "The day it was closed; null while it is open.", format="date")),
        "side": field("string", "long or short.", enum=["long", "short"]),
        "entryPrice": field("number", "In the currency of the prices."),
        "exitPrice": nullable(field("number", "In the currency of the prices; null while it is open.")),
        "shares": field("number", "How many."),
        "pnl": nullable(field("number", "Profit after costs, in the currency of the prices.")),
        "return": nullable(field("number", "Profit as a fraction of what was put in.")),
        "bars": field("integer", "How many bars it was held.", minimum=0),
    },
)
_CURVE = {"type": "number"}
_HELD = {"metrics": ref("Metrics"), "equity": listing("At each close, in the currency of the prices.", _CURVE)}
COMBINATION = record(
    "One combination in full, computed again from its index.",
    {"success": SUCCESS, "sessionId": SESSION_ID}
    | IDENTITY
    | {
        "effectiveParameters": mapping("The values after beta scaling.", {"type": "number"}),
        "metrics": ref("Metrics"),
        "undefined": mapping(
            "Why a metric is null.",
            record("A reason.", {"code": field("string", "For programs."), "sentence": field("string", "In words.")}),
        ),
        "dates": listing("The day of each bar.", {"type": "string"}),
        "equity": listing("Cash and position at each close, in the currency of the prices.", _CURVE),
        "drawdown": listing("Fall from the highest equity so far at each close, a fraction, zero or below.", _CURVE),
        "exposure": listing("Share of the equity in the position at each close, a fraction.", _CURVE),
        "trades": listing("In order of their entries.", _TRADE),
        "buyAndHold": record(
            "All capital at the first bar, held to the end.",
            _HELD
            | {
                "samePurchases": record("The same cash on the same days, for strategies that buy in lots.", _HELD),
                "equalInstalments": record("As many equal parts, evenly spaced, for the same strategies.", _HELD),
            },
            required=list(_HELD),
        ),
    },
)
STRATEGIES_ANSWER = record(
    "What can be swept.",
    {
        "success": SUCCESS,
        "strategies": listing(
            "The strategies.",
            record(
                "One strategy.",
                {
                    "name": field("string", "Its name in requests."),
                    "title": field("string", "Its name for people."),
                    "description": field("string", "What it does."),
                    "source": field("string", "Where it is described."),
                    "directions": listing("The sides it can trade; the first is its default.", {"type": "string"}),
                    "parameters": listing(
                        "What can be swept.",
                        record(
                            "One parameter.",
                            {
                                "name": field("string", "Its name in requests."),
                                "label": field("string", "Its name for people."),
                                "kind": field(
                                    "string", "int: whole; percent: a fraction.", enum=["int", "float", "percent"]
                                ),
                                "unit": field("string", "Its unit."),
                                "default": field("number", "In its unit; taken when the parameter is left out."),
                                "minimum": field("number", "In its unit, included."),
                                "maximum": field("number", "In its unit, included."),
                                "help": field("string", "What it means."),
                                "scaledByBeta": field("boolean", "Whether beta scaling multiplies it."),
                                "optional": field("boolean", "Whether it is off when left out."),
                                "suggested": mapping("start, stop and step of a sensible range.", {"type": "number"}),
                            },
                        ),
                    ),
                    "constraints": listing("Which combinations have a sense, e.g. `fast < slow`.", {"type": "string"}),
                },
            ),
        ),
        "metrics": listing(
            "What comes out.",
            record(
                "One metric.",
                {
                    "name": METRIC_NAME,
                    "label": field("string", "Its name for people."),
                    "unit": field("string", "Its unit."),
                    "formula": field("string", "How it is computed."),
                    "source": field("string", "Where the formula is from."),
                    "description": field("string", "What it says."),
                    "higherIsBetter": field("boolean", "Whether the largest value is the best."),
                },
            ),
        ),
    },
)
INSTRUMENT = record(
    "One instrument.",
    {
        "symbol": SYMBOL,
        "name": field("string", "Its name for people."),
        "kind": field("string", "Bars with open, high and low, or closes alone.", enum=["ohlc", "close"]),
        "firstDate": field("string", "Day of the first bar.", format="date"),
        "lastDate": field("string", "Day of the last bar.", format="date"),
        "bars": field("integer", "How many.", minimum=1),
        "source": field("string", "Where the prices come from."),
        "beta": nullable(field("number", "Against the benchmark, a ratio; null when it cannot be measured.")),
        "manualBeta": nullable(field("number", "The one stored by hand, which is then used.")),
        "groups": listing("Names of the groups it is in.", {"type": "string"}),
        "gaps": field("integer", "Days without a bar, between its first and last, that the benchmark has.", minimum=0),
        "updatedAt": field("string", "When its prices were last changed, ISO 8601.", format="date-time"),
    },
)
INSTRUMENTS_ANSWER = record(
    "What can be swept over.", {"success": SUCCESS, "instruments": listing("By symbol.", ref("Instrument"))}
)
_SYMBOLS = {"type": "string"}
IMPORTED = record(
    "All of the file is stored.",
    {
        "success": SUCCESS,
        "added": listing("New symbols.", _SYMBOLS),
        "updated": listing("Symbols whose prices changed.", _SYMBOLS),
        "unchanged": listing("Symbols whose prices are those that were there.", _SYMBOLS),
        "notes": listing("What a person should know about how the file was read.", {"type": "string"}),
        "instruments": listing("All of them.", ref("Instrument")),
    },
)
BETA_ANSWER = record(
    "One beta.",
    {
        "success": SUCCESS,
        "symbol": SYMBOL,
        "benchmark": SYMBOL,
        "beta": nullable(field("number", "A ratio; null with fewer than three common bars, or a flat benchmark.")),
        "bars": field("integer", "Days that both have.", minimum=0),
        "firstDate": nullable(field("string", "The first of them.", format="date")),
        "lastDate": nullable(field("string", "The last of them.", format="date")),
    },
)


def components() -> dict[str, Schema]:
    """Every named schema."""
    return {
        "StartRequest": start_request(),
        "Started": STARTED,
        "ClassicAnswer": CLASSIC,
        "Estimate": ESTIMATE,
        "Event": EVENT,
        "BatchResults": BATCH_RESULTS,
        "Row": ROW,
        "Metrics": METRICS,
        "Failure": FAILURE,
        "Moved": MOVED,
        "Deleted": DELETED,
        "ResultsPage": RESULTS_PAGE,
        "AllResults": ALL_RESULTS,
        "Heatmap": HEATMAP,
        "Combination": COMBINATION,
        "Strategies": STRATEGIES_ANSWER,
        "Instrument": INSTRUMENT,
        "Instruments": INSTRUMENTS_ANSWER,
        "Imported": IMPORTED,
        "Beta": BETA_ANSWER,
        "Error": ERROR_ANSWER,
    }
