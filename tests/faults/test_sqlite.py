"""The database is locked by somebody else, or its disk is full."""

import sqlite3
import time
from contextlib import closing, contextmanager

import httpx
import pytest

from tests.faults.histories import Requests, Watchers
from tests.faults.installation import sweep
from tests.faults.test_processes import CHILD_LOST
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), pytest.mark.database("sqlite")]


@contextmanager
def locked(stack):
    """Another process that writes, and does not come to an end."""
    with closing(sqlite3.connect(stack.data_dir / "db.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 20000")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.extended
def test_a_database_that_somebody_has_locked_is_waited_for(stack, measured, seconds):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.1)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, 1)
    reading = Requests(f"{stack.url}/api/backtest/batch/{session_id}")
    errors = stack.log("worker").count("database is locked")
    with locked(stack):
        since = time.monotonic()
        time.sleep(1)  # what was being written when the lock was taken is written now
        done, seen = stack.tests_done(session_id), stack.snapshot(session_id)["lastWorkerSeenAtMs"]
        until(lambda: time.monotonic() - since > seconds, "the time", seconds=seconds + 1)
        assert stack.tests_done(session_id) == done
        told = stack.snapshot(session_id)
        assert told["status"] == "running"
        assert told["lastWorkerSeenAtMs"] == seen, "the page says for how long no worker was seen"
    freed = time.monotonic()
    measured("reading while the database is locked", reading.stop(), 1.5)
    assert set(reading.statuses) == {200}
    stack.wait_for(session_id, min(done + 1, len(expected)))
    measured(f"progress after a lock of {seconds} s", time.monotonic() - freed, 2 if seconds == 10 else 12)
    stack.chunks()
    watchers.wait()
    stack.check_exact(session_id, expected)
    stack.check_logs(*CHILD_LOST)
    assert seconds > 20 or stack.log("worker").count("database is locked") == errors, "no error"


def test_on_a_full_disk_new_batches_are_refused_and_running_ones_wait(stack):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.2)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, 1)
    ((pages,),) = stack.rows("PRAGMA page_count")
    stack.tell("pages", pages)
    answer = until(lambda: refused if (refused := _post(stack)).status_code != 202 else None, "a refusal", seconds=20)
    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    assert "Free disk space" in answer.json()["error"]
    until(lambda: "work paused: database unavailable" in stack.new_log("worker"), "a chunk that cannot be stored")
    before = stack.snapshot(session_id)
    full_since = time.monotonic()
    until(lambda: time.monotonic() - full_since > 4, "some time", seconds=5)
    now = stack.snapshot(session_id)
    assert (now["status"], now["current"]) == ("running", before["current"])
    assert now["lastWorkerSeenAtMs"] == before["lastWorkerSeenAtMs"], "the page says for how long no worker was seen"
    assert stack.rows("PRAGMA integrity_check") == [("ok",)]
    stack.tell("pages", "")
    stack.chunks()
    watchers.wait()
    stack.check_exact(session_id, expected)
    for (other,) in stack.rows("SELECT id FROM batches_batchsession"):
        stack.wait_for_end(other)
    assert stack.rows("PRAGMA integrity_check") == [("ok",)]
    stack.check_logs(*CHILD_LOST)


@pytest.mark.extended
def test_new_batches_are_refused_before_the_disk_is_full(own_stack):
    stack = own_stack(DISK_RESERVE_BYTES=str(10**15)).start().wait_until_ready()
    answer = _post(stack)
    assert (answer.status_code, answer.json()["code"]) == (507, "STORAGE_FULL")
    assert "DISK_RESERVE_BYTES" in answer.json()["error"]
    assert stack.rows("SELECT count(*) FROM batches_batchsession") == [(0,)]


def _post(stack):
    return httpx.post(f"{stack.url}/api/backtest/batch", json=sweep(), timeout=60)
