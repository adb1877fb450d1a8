"""Redis is killed, away, hung, or emptied; messages come twice, in disorder, and again. Results never notice."""

import json
import random
import time
import uuid
from functools import partial

import httpx
import pytest

from tests.conftest import LONG
from tests.faults.histories import Requests, Watchers
from tests.faults.stack_under_test import QUEUE
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
AWAY_S, HUNG_S, FLUSHES = (60, 30, 10) if LONG else (6, 6, 2)
STALE_S = 3.0
NO_REDIS = ("redis.exceptions", "kombu.exceptions", "Connection.*Error", "BrokenPipeError", "TimeoutError")


def test_a_redis_that_is_killed_while_nobody_works_is_not_missed(stack, measured):
    expected = stack.undisturbed()
    stack.kill("redis")
    session_id = stack.start_batch()
    back = stack.wait_for_redis()
    stack.wait_for(session_id, 1)
    measured("first progress after Redis, killed while idle, is back", time.monotonic() - back, 2)
    Watchers(stack, [session_id]).wait()
    stack.check_exact(session_id, expected)


@pytest.mark.extended
def test_a_redis_that_is_killed_three_times_in_a_row_under_work_costs_a_moment(stack, measured):
    expected = stack.undisturbed()
    worker = stack.pids()["worker"]
    stack.chunks(pace_s=0.25)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, 1)
    for _ in range(3):
        killed = stack.kill("redis")
        until(partial(_has_another_redis, stack, killed), "a new Redis")
        back = stack.wait_for_redis()
        done = stack.tests_done(session_id)
        if stack.snapshot(session_id)["type"] == "progress":
            stack.wait_for(session_id, min(done + 1, len(expected)))
            measured("progress after Redis, killed under work, is back", time.monotonic() - back, 2)
    stack.chunks()
    histories = watchers.wait()
    for history in histories:
        measured("longest silence of a watcher while Redis dies", history.longest_silence(), STALE_S)
    assert stack.pids()["worker"] == worker, "the worker survived"
    stack.check_exact(session_id, expected)
    stack.check_logs(*NO_REDIS)


def _has_another_redis(stack, killed):
    return stack.pids().get("redis", killed) != killed


def test_without_redis_batches_are_accepted_and_watched(stack, measured):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.25)
    running = stack.start_batch()
    stack.wait_for(running, 1)
    watchers = Watchers(stack, [running])
    with stack.without_redis():
        since = time.monotonic()
        durations, accepted = [], []
        while time.monotonic() - since < AWAY_S:
            began = time.monotonic()
            if len(accepted) < 3:
                accepted.append(stack.start_batch())
                durations.append(time.monotonic() - began)
            assert httpx.get(f"{stack.url}/healthz", timeout=60).json()["ok"] is True
            time.sleep(0.5)
        late = Watchers(stack, accepted)  # new sockets are accepted meanwhile
        until(lambda: all(history.events for history in late.all()), "the first events")
    for seconds in durations:
        measured("POST while Redis is gone", seconds, 0.3)
    back = stack.wait_for_redis()
    until(lambda: stack.tests_done(accepted[0]) > 0, "progress")
    measured("first progress of a waiting batch after Redis is back", time.monotonic() - back, 5)
    stack.chunks()
    for history in watchers.wait() + late.wait():
        assert history.last["type"] == "complete"
    for session_id in [running, *accepted]:
        stack.check_exact(session_id, expected)


@pytest.mark.extended
def test_a_hung_redis_holds_up_no_request(stack, measured):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.25)
    running = stack.start_batch()
    stack.wait_for(running, 1)
    watchers = Watchers(stack, [running])
    with stack.stopped(stack.pids()["redis"]):
        since, accepted = time.monotonic(), []
        pages = [
            Requests(stack.url + path, 0.3) for path in ("/healthz", f"/api/backtest/batch/{running}", "/batches/")
        ]
        while time.monotonic() - since < HUNG_S:
            began = time.monotonic()
            if len(accepted) < 3:
                accepted.append(stack.start_batch())
                measured("POST while Redis hangs", time.monotonic() - began, 1.5)
                stack.act(accepted[-1], "pause")
                stack.act(accepted[-1], "resume")
                measured("POST, pause and resume while Redis hangs", time.monotonic() - began, 4.5)
            began = time.monotonic()
            newcomer = Watchers(stack, [running], count=1)
            until(partial(getattr, newcomer.all()[0], "events"), "the first event")
            measured("first event of a new watcher while Redis hangs", time.monotonic() - began, 1.5)
            time.sleep(0.5)
        for page in pages:
            measured("any other request while Redis hangs", page.stop(), 1.5)
            assert set(page.statuses) == {200}
    stack.chunks()
    watchers.wait()
    for session_id in [running, *accepted]:
        stack.wait_for_end(session_id)
        stack.check_exact(session_id, expected)


@pytest.mark.extended
def test_an_emptied_redis_costs_a_moment(stack, measured):
    expected = stack.undisturbed()
    left = FLUSHES
    while left:
        stack.chunks(pace_s=0.4)
        session_id = stack.start_batch()
        watchers = Watchers(stack, [session_id])
        stack.wait_for(session_id, 1)
        for _ in range(min(left, 2)):
            stack.redis().flushall()
            flushed, done = time.monotonic(), stack.tests_done(session_id)
            stack.wait_for(session_id, min(len(expected), done + 4 * 540))  # more than what was in hand
            measured("delay after FLUSHALL", time.monotonic() - flushed, 12)
            left -= 1
        stack.chunks()
        watchers.wait()
        stack.check_exact(session_id, expected)


def test_messages_that_come_twice_in_disorder_and_again_change_nothing(stack):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.1)
    session_ids = [stack.start_batch() for _ in range(2)]
    watchers = Watchers(stack, session_ids)
    client, seen, dice = stack.redis(), {}, random.Random(4)
    over = {"complete", "error"}
    while any(stack.snapshot(session_id)["type"] not in over for session_id in session_ids):
        waiting = client.lrange(QUEUE, 0, -1)
        seen |= {json.loads(message)["properties"]["delivery_tag"]: message for message in waiting}
        replayed = dice.sample(list(seen.values()), min(len(seen), 4))
        for message in [*waiting, *replayed]:
            client.lpush(QUEUE, _as_a_new_delivery(message))
        until(lambda: client.llen(QUEUE) < 20, "some of them to be taken")
    watchers.wait()
    for session_id in session_ids:
        stack.check_exact(session_id, expected)
        ended = stack.snapshot(session_id)
        for message in seen.values():  # long after the end
            client.lpush(QUEUE, _as_a_new_delivery(message))
        until(lambda: client.llen(QUEUE) == 0, "all of them to be taken")
        assert stack.snapshot(session_id)["sequence"] == ended["sequence"]
    stack.check_logs(*NO_REDIS)


def _as_a_new_delivery(message):
    """The broker's own wrapping tells deliveries apart by their tag."""
    wrapped = json.loads(message)
    wrapped["properties"]["delivery_tag"] = str(uuid.uuid4())
    return json.dumps(wrapped)
