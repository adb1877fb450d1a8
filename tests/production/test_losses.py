"""A batch of 100,000 through nginx, while one host with a worker and one with a web server are lost."""

import threading

import pytest

from tests.faults.histories import Watchers
from tests.stack.clients import body
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
RANGES = {"fast": {"start": 2, "stop": 51, "step": 1}, "slow": {"start": 55, "stop": 154, "step": 1}}


class Poller:
    """A thread that asks for the snapshot until the batch is over."""

    def __init__(self, production, session_id):
        self.production, self.path = production, f"/api/backtest/batch/{session_id}"
        self.events, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self):
        while not (self.events and self.events[-1]["type"] in {"complete", "error"}) and not self.over.is_set():
            answer = self.production.ask("GET", self.path)
            assert answer.status_code == 200, answer.text
            self.events.append(answer.json())
            self.over.wait(0.2)

    def check(self):
        """It never went back, never failed, and ended with the end."""
        self.thread.join(30)
        assert self.events[-1]["type"] == "complete"
        for name in ("sequence", "current", "percentage"):
            values = [event[name] for event in self.events]
            assert values == sorted(values), name


def test_a_lost_worker_host_and_a_lost_web_host_lose_and_double_nothing(production):
    request = body(parameterRanges=RANGES)
    expected = production.undisturbed(request)
    assert len(expected) == 100_000
    production.chunks(pace_s=0.2)
    session_id = production.start_batch(request)
    watchers = Watchers(production, [session_id], count=8)
    poller = Poller(production, session_id)
    production.wait_for(session_id, 5_000)
    until(lambda: all(history.events for history in watchers.all()), "every watcher to see the batch")
    # Between two chunks it may compute a part of the verdict on the batch before.
    until(lambda: production.claims(session_id, "worker1"), "worker1 to have chunks in its hands")
    production.kill("worker1")
    production.wait_for(session_id, production.tests_done(session_id) + 5_000)
    production.kill("web1")
    production.wait_for(session_id, production.tests_done(session_id) + 5_000)
    production.chunks()
    watchers.wait()  # each: a rising sequence, exactly one terminal event, the last
    poller.check()
    production.check_exact(session_id, expected)
    assert any(len(history.begins) > 1 for history in watchers.all()), "somebody was cut off, and came back"
    assert production.traceback() == ""
