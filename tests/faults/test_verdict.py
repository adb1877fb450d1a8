"""Workers are killed while they share a verdict."""

import json
import os
import signal
import uuid
from contextlib import suppress

import pytest

from tests.support.stack_process import until

CHILD_LOST = ("WorkerLostError", "ExceptionWithTraceback")  # what Celery says of a child that was killed
SWEEP = {
    "strategy": "sma_cross",
    "symbols": ["AAPL"],
    "parameterRanges": {"fast": list(range(5, 45)), "slow": list(range(50, 110))},
    "sortBy": "sharpe",
    "fees": 0.0005,
}
OPTIONS = {"seed": 2, "shuffles": 99}
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_killed_workers_cost_their_pieces_of_a_verdict_and_change_no_bit(stack):
    stack.chunks()
    session_id = stack.start_batch(SWEEP)
    address = f"/api/backtest/batch/{session_id}/verdict"

    def begin(**options):
        assert stack.ask("POST", address, json=options).status_code == 202

    def ready():
        answer = until(lambda: found if (found := stack.ask("GET", address).json())["status"] == "ready" else None,
                       "the verdict", seconds=120)  # fmt: skip
        answer.pop("estimatedSeconds")
        return answer

    until(lambda: stack.snapshot(session_id)["type"] == "complete", "the batch", seconds=120)
    begin(**OPTIONS)
    whole = ready()
    begin(shuffles=0)
    ready()
    begin(**OPTIONS)
    for _ in range(2):
        stack.pool()
        pid = until(lambda: holder(stack, session_id), "a claim", seconds=60)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert ready() == whole
    stack.check_logs(*CHILD_LOST)


def holder(stack, session_id):
    """The process that computes a piece of the verdict now."""
    query = "SELECT pieces FROM batches_verdict WHERE session_id = ? AND status = 'running'"
    for (stored,) in stack.rows(query, uuid.UUID(session_id).hex):
        pieces = json.loads(stored) if isinstance(stored, str) else stored or []
        return next((int(piece["claimed_by"].rpartition(":")[2]) for piece in pieces if piece["token"]), None)
    return None
