"""What the tests of locked days share."""

import json

from batches.models import Holdout
from tests.support import jobs

EDGE = "2003-12-01"
BODY = {
    "strategy": "sma_cross",
    "symbols": ["WALK"],
    "parameterRanges": {"fast": [3, 5, 8, 12, 16], "slow": [20, 30, 45, 70]},
}


def address(session, part="holdout"):
    return f"/api/backtest/batch/{session.id}/{part}"


def spend(client, session, index=0):
    return client.post(address(session), json.dumps({"index": index}), content_type="application/json")


def same_metrics(row, other):
    names = jobs.METRIC_COLUMNS
    return [row[name] for name in names] == [other[name] for name in names]


def spent_on():
    answer = Holdout.objects.get().answer
    return answer and answer["index"]
