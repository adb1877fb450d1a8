"""The estimate of a batch against the time that it takes, for twelve shapes of batch.

    make bench-stack

Each shape runs twice: before the first time nothing like it was measured, and the estimate has to say so; before the
second time it has to be within a factor of two.
"""

from typing import Any

import httpx

from benchmarks.stack_requests import SYMBOLS, run_request

GRID = {"grid_dca": {"gridInterval": [0.01, 0.02, 0.03, 0.05], "profitRequirement": [0.01, 0.02, 0.03, 0.05]}}


def steps(start: float, stop: float, step: float) -> dict[str, float]:
    return {"start": start, "stop": stop, "step": step}


SHAPES: dict[str, dict[str, Any]] = {
    "sma_cross, 5,000, short windows": {"parameterRanges": {"fast": steps(2, 20, 2), "slow": steps(25, 145, 5)}},
    "sma_cross, 100,000, short windows": {"parameterRanges": {"fast": steps(2, 51, 1), "slow": steps(60, 159, 1)}},
    "sma_cross, 200,000, long windows": {"parameterRanges": {"fast": steps(2, 101, 1), "slow": steps(205, 304, 1)}},
    "sma_cross, 50,000, both sides": {
        "parameterRanges": {"fast": steps(2, 51, 1), "slow": steps(60, 109, 1)},
        "direction": "both",
    },
    "sma_cross, one symbol, 5,000": {
        "parameterRanges": {"fast": steps(2, 51, 1), "slow": steps(60, 159, 1)},
        "symbols": ["AAPL"],
    },
    "sma_cross, two years": {
        "parameterRanges": {"fast": steps(2, 51, 1), "slow": steps(60, 159, 1)},
        "startDate": "2020-01-02",
    },
    "sma_cross, one test": {"parameterRanges": {"fast": [10], "slow": [50]}, "symbols": ["KO"]},
    "macd": {"strategy": "macd", "parameterRanges": {"fast": steps(5, 20, 1), "slow": steps(25, 50, 1)}},
    "momentum": {"strategy": "momentum", "parameterRanges": {"lookback": steps(20, 520, 1)}},
    "bollinger_reversal": {"strategy": "bollinger_reversal", "parameterRanges": {"window": steps(10, 200, 1)}},
    "grid_dca": {"strategy": "grid_dca", "parameterRanges": GRID["grid_dca"]},
    "volatility_target": {"strategy": "volatility_target", "parameterRanges": {"window": steps(10, 110, 1)}},
}


async def measure(client: httpx.AsyncClient, url: str) -> None:
    worst = 1.0
    for name, shape in SHAPES.items():
        body = {"strategy": "sma_cross", "symbols": SYMBOLS, "fees": 0.001} | shape
        for temperature in ("cold", "warm"):
            answer = await client.post(f"{url}/api/backtest/batch/estimate", json=body)
            estimate = answer.raise_for_status().json()
            _, seconds, _ = await run_request(client, url, body)
            ratio = estimate["estimatedSeconds"] / seconds
            known = "" if estimate["estimateIsMeasured"] else "  (said to be unknown)"
            print(f"estimate, {name}, {temperature}: {ratio:.2f} of {seconds:.2f} s{known}", flush=True)
            if estimate["estimateIsMeasured"]:
                worst = max(worst, ratio, 1 / ratio)
    print(f"estimate: worst factor of those that are said to be known: {worst:.2f}", flush=True)
