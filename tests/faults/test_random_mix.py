"""All kinds of faults, one after the other, in an order that a seed decides: FAULTS_SEED, FAULTS_MINUTES."""

import os
import random
import signal
import sqlite3
import time
from contextlib import closing, suppress

import pytest

from tests.conftest import ON_POSTGRESQL
from tests.faults.histories import Watchers
from tests.faults.test_redis import NO_REDIS
from tests.faults.test_spoiled_chunks import INJECTED

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(3600)]
SEED = int(os.environ.get("FAULTS_SEED", "1"))
MINUTES = float(os.environ.get("FAULTS_MINUTES", "10"))
# Celery ends when a child dies at the moment in which Redis is lost (`asynpool.get_process_queues` has no queue for
# another one); the supervisor starts it again.
CHILD_AND_REDIS = "StopIteration"


def kill_part(name):
    def fault(stack, dice):
        with suppress(KeyError, ProcessLookupError):  # it is not back yet
            stack.kill(name)

    return fault


def kill_child(stack, dice):
    with suppress(ProcessLookupError):
        os.kill(dice.choice(stack.pool()), signal.SIGKILL)


def hang(name):
    def fault(stack, dice):
        with suppress(KeyError, ProcessLookupError), stack.stopped(stack.pids()[name]):
            time.sleep(dice.uniform(0.5, 8))

    return fault


def hang_child(stack, dice):
    with suppress(ProcessLookupError), stack.stopped(dice.choice(stack.pool())):
        time.sleep(dice.uniform(0.5, 8))


def flush(stack, dice):
    with suppress(OSError):
        stack.wait_for_redis()
        stack.redis().flushall()


def set_clock(stack, dice):
    stack.tell("clock", dice.choice([0, 3600, -3600, 60]))


def lock(stack, dice):
    with closing(sqlite3.connect(stack.data_dir / "db.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 20000")
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(dice.uniform(0.5, 12))
        connection.execute("ROLLBACK")


FAULTS = [*(kill_part(name) for name in ("redis", "worker", "watchdog", "web")), kill_child, hang_child, hang("redis"),
          hang("web"), hang("watchdog"), flush, set_clock]  # fmt: skip


def test_a_random_mix_of_faults_loses_and_doubles_nothing(own_stack):
    # A child may be killed again and again at the same chunk; that is no fault of the chunk here.
    stack = own_stack(CHUNK_MAX_ATTEMPTS="50").start().wait_until_ready()
    expected, dice = stack.undisturbed(), random.Random(SEED)
    faults = FAULTS if ON_POSTGRESQL else [*FAULTS, lock]
    until = time.monotonic() + MINUTES * 60
    rounds = 0
    while time.monotonic() < until:
        stack.chunks(pace_s=0.3)
        session_ids = [stack.start_batch() for _ in range(3)]
        watchers = Watchers(stack, session_ids, count=12)
        for _ in range(6):
            fault = dice.choice(faults)
            print(f"round {rounds}: {getattr(fault, '__qualname__', fault)}")
            fault(stack, dice)
            time.sleep(dice.uniform(0, 3))
        stack.chunks()
        watchers.wait(180)
        for session_id in session_ids:
            stack.check_exact(session_id, expected)
        stack.check_nothing_is_stuck()
        rounds += 1
    stack.check_logs(*NO_REDIS, *INJECTED, CHILD_AND_REDIS)
    assert rounds
