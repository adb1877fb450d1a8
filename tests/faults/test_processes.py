"""Processes are killed, or hang."""

import os
import signal
import time
from contextlib import suppress
from functools import partial

import httpx
import pytest

from tests.conftest import LONG
from tests.faults.histories import Watchers
from tests.support.stack_process import is_running, until

CHILD_LOST = ("WorkerLostError", "ExceptionWithTraceback")  # what Celery says of a child that was killed
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
KILLS, HANG_S, WATCHERS, BATCHES = (20, 60, 200, 20) if LONG else (4, 6, 20, 4)


def test_a_killed_child_costs_its_chunk_a_moment(stack, measured):
    expected = stack.undisturbed()
    left = KILLS
    while left:
        stack.chunks(pace_s=0.3)
        session_id = stack.start_batch()
        watchers = Watchers(stack, [session_id])
        for _ in range(min(left, 5)):
            stack.pool()
            pid, pk, attempt = stack.in_hand(session_id)
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            until(partial(_somebody_else_has, stack, pk, attempt), "the chunk to start again", seconds=30)
            measured("chunk restarted after kill -9 of its child", time.monotonic() - killed, 2)
            until(partial(_is_done, stack, pk), "its end")
            left -= 1
        stack.chunks()
        watchers.wait()
        stack.check_exact(session_id, expected)
    stack.check_logs(*CHILD_LOST)


def _somebody_else_has(stack, pk, attempt):
    status, now, _ = stack.chunk(pk)
    return status == "done" or (status == "running" and now > attempt)


def _is_done(stack, pk):
    return stack.chunk(pk)[0] == "done"


def test_a_killed_worker_comes_back_and_goes_on(stack, measured):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.2)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    before = stack.wait_for(session_id, 1)
    children = stack.pool()
    dead = stack.kill("worker")
    killed = time.monotonic()
    until(lambda: stack.pids().get("worker", dead) != dead, "a new worker")
    measured("worker process back after kill -9", time.monotonic() - killed, 3)
    stack.wait_for(session_id, max(before, stack.tests_done(session_id)) + 1)
    measured("progress after kill -9 of the worker", time.monotonic() - killed, 5)
    stack.chunks()
    assert not any(is_running(child) for child in children)
    watchers.wait()
    stack.check_exact(session_id, expected)


@pytest.mark.extended
def test_a_child_that_hung_and_wakes_up_changes_nothing(stack):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.2)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    pid, pk, attempt = stack.in_hand(session_id)
    with stack.stopped(pid):
        until(lambda: _somebody_else_has(stack, pk, attempt), "somebody else to take the chunk", seconds=40)
        stack.chunks()
        stopped_until = time.monotonic() + HANG_S - 5
        stack.wait_for_end(session_id)
        until(lambda: time.monotonic() > stopped_until, "the time", seconds=HANG_S)
        recorded = stack.chunk(pk)
    watchers.wait()
    sequence = stack.snapshot(session_id)["sequence"]
    again = stack.start_batch()  # when this one ends, the late one has had its say
    stack.wait_for_end(again)
    assert stack.chunk(pk) == recorded
    assert stack.snapshot(session_id)["sequence"] == sequence
    stack.check_exact(session_id, expected)


def test_a_killed_server_costs_its_watchers_a_moment(stack, measured):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.05 if LONG else 0.1)
    session_ids = [stack.start_batch() for _ in range(BATCHES)]
    watchers = Watchers(stack, session_ids, count=WATCHERS)
    until(lambda: all(len(history.events) > 1 for history in watchers.all()), "every watcher to see progress")
    stack.kill("web")
    killed = time.monotonic()
    url = f"{stack.url}/healthz"
    until(lambda: httpx.get(url, timeout=60).status_code == 200, "the server")
    answered = time.monotonic()
    until(lambda: all(h.ended or h.connected_after(killed) for h in watchers.all()), "everyone to be back")
    for history in watchers.all():
        if not history.ended or history.connected_after(killed):
            measured("watcher back after the server answers again", history.connected_after(killed) - answered, 2)
    stack.chunks()
    watchers.wait(240)
    for session_id in session_ids:
        stack.check_exact(session_id, expected)


@pytest.mark.extended
def test_after_the_death_of_everything_a_start_goes_on_by_itself(own_stack, measured):
    stack = own_stack().start().wait_until_ready()
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.2)
    session_ids = [stack.start_batch() for _ in range(2)]
    before = {session_id: stack.wait_for(session_id, 1) for session_id in session_ids}
    everything = [stack.process.pid, *stack.all_pids()]
    for pid in everything:
        _kill_if_there(pid)
    until(lambda: not any(is_running(pid) for pid in everything), "the end of everything", seconds=10)
    stack.process.wait()
    started = time.monotonic()
    stack.start().wait_until_ready()
    for session_id in session_ids:
        stack.wait_for(session_id, before[session_id] + 1600)
    measured("progress after the start, when everything was killed", time.monotonic() - started, 30)
    stack.chunks()
    watchers = Watchers(stack, session_ids)
    watchers.wait()
    for session_id in session_ids:
        stack.check_exact(session_id, expected)
    stack.check_nothing_is_stuck()
    stack.check_logs()


def _kill_if_there(pid):
    with suppress(ProcessLookupError):  # a child that went with its parent
        os.kill(pid, signal.SIGKILL)
