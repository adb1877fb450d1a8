"""Somebody sets the clock of the machine."""

import os
import signal
import uuid

import pytest

from tests.faults.histories import Watchers
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
HOUR_S = 3600


@pytest.mark.extended
def test_a_clock_that_jumps_an_hour_ahead_and_back_expires_and_doubles_nothing(own_stack, measured):
    stack = own_stack().start().wait_until_ready()
    expected = stack.undisturbed()
    session_id, paused = stack.start_without_end(pace_s=0.3), stack.start_batch()
    stack.act(paused, "pause")
    watchers = Watchers(stack, [session_id])
    for hours in (1, 0, -1):  # ahead, back, behind
        stack.wait_for(session_id, stack.tests_done(session_id) + 540)
        stack.tell("clock", hours * HOUR_S)
        jumps = until(lambda: stack.log("watchdog").count("clock jumped by"), "the watchdog to see it")
        stack.wait_for(session_id, stack.tests_done(session_id) + 540)
        assert stack.snapshot(session_id)["status"] == "running", f"after {jumps} jumps"
    assert stack.snapshot(session_id)["elapsedTime"] < HOUR_S
    assert stack.act(paused, "resume").json()["status"] in {"queued", "running"}
    stack.chunks()
    watchers.wait()
    stack.wait_for_end(paused)
    for each in (session_id, paused):
        stack.check_exact(each, expected)
    (attempts,) = stack.rows("SELECT max(attempt) FROM batches_resultchunk")[0]
    assert attempts <= 2, "no claim was taken away twice"
    stack.check_nothing_is_stuck()
    stack.check_logs()


@pytest.mark.extended
def test_a_clock_that_is_set_while_the_watchdog_is_down_ends_no_batch(own_stack):
    stack = own_stack().start().wait_until_ready()
    expected = stack.undisturbed()
    session_id = stack.start_without_end(pace_s=0.3)
    watchers = Watchers(stack, [session_id])
    kept = stack.data_dir / "clock.json"
    until(lambda: uuid.UUID(session_id).hex in kept.read_text(), "the watchdog to know the batch")
    os.kill(stack.pids()["watchdog"], signal.SIGSTOP)
    stack.tell("clock", HOUR_S)
    stack.kill("watchdog")
    until(lambda: "clock jumped by" in stack.log("watchdog"), "the next watchdog to see it")
    stack.wait_for(session_id, stack.tests_done(session_id) + 540)
    stack.chunks()
    watchers.wait()
    stack.check_exact(session_id, expected)
    stack.check_logs()
