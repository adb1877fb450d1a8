"""The description of a start request in the schema. `schemas.py` checks in our own words; a test compares the two."""

from typing import Any


def _field(kind: str | list[str], description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description} | more


RANGE = {
    "oneOf": [
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 10_000},
        {
            "type": "object",
            "properties": {name: {"type": "number"} for name in ("start", "stop", "step")},
            "required": ["start", "stop", "step"],
            "description": "From start to stop, stop included, in steps.",
        },
    ]
}

START_REQUEST: dict[str, Any] = {
    "type": "object",
    "required": ["strategy", "symbols"],
    "additionalProperties": False,
    "properties": {
        "strategy": _field("string", "A name of /api/strategies."),
        "symbols": _field("array", "Symbols of /api/instruments.", items={"type": "string"}, minItems=1),
        "parameterRanges": _field(
            "object",
            "The values of each parameter: a list, or start, stop and step. A parameter left out has its default.",
            additionalProperties=RANGE,
        ),
        "startDate": _field(["string", "null"], "First day to test; all bars when left out.", format="date"),
        "endDate": _field(["string", "null"], "Last day to test, included.", format="date"),
        "direction": _field("string", "Which side may be traded.", enum=["long", "short", "both"], default="long"),
        "enableBetaScaling": _field(
            "boolean", "Multiply every percentage parameter by beta x coefficient.", default=False
        ),
        "coefficients": _field(
            "array", "With beta scaling: one more axis of the sweep.", items={"type": "number"}, default=[1.0]
        ),
        "fees": _field("number", "Fraction of the traded value, on each side.", minimum=0, maximum=0.5, default=0),
        "slippage": _field("number", "Fraction of the price, to our disadvantage.", minimum=0, maximum=0.5, default=0),
        "initialCapital": _field("number", "In the currency of the prices.", exclusiveMinimum=0, default=100_000),
        "wholeShares": _field("boolean", "Buy whole shares only.", default=False),
        "sortBy": _field("string", "The metric that ranks, by its wire name.", default="annualizedReturn"),
        "includeComparison": _field("boolean", "Add buy and hold of each symbol to the results.", default=True),
        "timeoutSeconds": _field("integer", "The deadline; paused time does not count.", minimum=1, default=900),
        "abortFailureShare": _field(
            "number",
            "End the batch when a larger share of its tests failed; 1: never.",
            minimum=0,
            maximum=1,
            default=1,
        ),
        "abortMinimumTests": _field("integer", "Only after so many tests.", minimum=1, default=100),
        "sessionId": _field(
            ["string", "null"], "Your own id: the same request sent twice starts one batch.", format="uuid"
        ),
    },
    "example": {
        "strategy": "sma_cross",
        "symbols": ["AAPL", "MSFT"],
        "parameterRanges": {"fast": {"start": 5, "stop": 50, "step": 5}, "slow": [60, 100, 200]},
        "fees": 0.001,
    },
}

START_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": START_REQUEST}}}}
PRICES_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": _field("string", "CSV (also gzipped) or Parquet.", format="binary"),
                        "source": _field("string", "Where the prices come from, in words."),
                    },
                }
            }
        },
    }
}
