"""Events as a server sends them, for tests without a server."""

from backtester.client import Event

ROW = {
    "index": 3, "symbol": "AAPL", "parameters": {"fast": 5, "slow": 20.5}, "beta": None, "coefficient": None,
    "totalReturn": 1.5, "annualizedReturn": 0.123, "sharpe": 0.9, "maxDrawdown": -0.25, "winRate": 0.5, "trades": 12,
}  # fmt: skip


def event(**fields):
    """An event of a running batch at half its tests."""
    return Event.from_wire(
        {
            "type": "progress", "sessionId": "0f8fad5b-d9cb-469f-a165-70867728950e", "sequence": 5, "sentAtMs": 50_000,
            "status": "running", "phase": "testing", "current": 500, "total": 1_000, "percentage": 50.0,
            "currentSymbol": "MSFT", "currentParameters": {"fast": 7, "slow": 30}, "elapsedTime": 2.0,
            "estimatedTimeRemaining": 65.0, "avgTimePerTest": 0.001, "successfulTests": 490, "failedTests": 10,
            "recentErrors": ["Too few bars.", "Prices end."], "bestSoFar": ROW, "leaders": [ROW],
            "lastWorkerSeenAtMs": 49_000,
        }
        | fields
    )  # fmt: skip
