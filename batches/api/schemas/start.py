"""The parameters and the body of a start."""

from typing import Annotated, Any

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import request_body
from batches.sweep.wire_types import doc

StartQuery = TypedDict(
    "StartQuery",
    {
        "async": Annotated[
            str,
            doc("false: answer with the results when they are done."),
            WithJsonSchema({"type": "string", "enum": ["true", "false"], "default": "true"}),
        ]
    },
    total=False,
)
EXAMPLES: dict[str, dict[str, Any]] = {
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
START_BODY = request_body({"$ref": "#/components/schemas/StartRequest"}, examples=EXAMPLES)
