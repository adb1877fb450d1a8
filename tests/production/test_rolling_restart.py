"""An upgrade: every process is told to end and started again, one after the other, while batches run."""

import httpx
import pytest

from tests.faults.histories import Watchers
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def test_every_process_is_replaced_under_running_batches(production):
    expected = production.undisturbed()
    production.chunks(pace_s=0.15)
    session_ids = [production.start_batch() for _ in range(3)]
    watchers = Watchers(production, session_ids, count=6)
    for session_id in session_ids:
        production.wait_for(session_id, 1)
    for name in ("worker1", "worker2", "watchdog", "web1", "web2"):
        production.stop(name)
        if name.startswith("worker"):
            assert [production.claims(session_id, name) for session_id in session_ids] == [[], [], []], "it drained"
        assert httpx.get(f"{production.url}/healthz", timeout=20).status_code == 200, "the other one answers"
        production.start_part(name)
        until(production.is_ready, f"{name} to be back")
    production.chunks()
    watchers.wait()
    for session_id in session_ids:
        production.check_exact(session_id, expected)
    assert production.traceback() == ""


def test_a_server_that_is_told_to_end_answers_what_it_has_in_hand(production):
    production.chunks(pace_s=0.01)
    session_id = production.start_batch()
    url = f"http://127.0.0.1:{production.ports['web1']}/api/backtest/batch"
    headers = {"Host": "localhost", "X-Forwarded-Proto": "https", **production.headers}
    watcher = httpx.stream("GET", f"{url}/stream?sessionId={session_id}", headers=headers, timeout=20)
    with watcher as stream:
        assert stream.status_code == 200
        production.stop("web1", seconds=4)  # watchers do not hold it up
        with pytest.raises(httpx.TransportError):
            for _ in stream.iter_raw():
                pass
    production.chunks()
    production.wait_for_end(session_id)
