"""The invariants of the design. Those that need Redis and real processes are tested in tests/stack."""

import ast
import asyncio
import contextlib
import itertools
import os
import pathlib
import random
import subprocess
import sys

import celery
import numpy as np
import pytest
import redis
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

import backtester.engine
from backtester.engine import METRIC_NAMES, replay
from backtester.stack import worker
from batches.live import follow, hub
from batches.models import BatchSession, ChunkStatus, Status
from batches.running import attempts, lifecycle, queue, retrying, watchdog
from batches.running import worker as execution
from batches.sweep.plan import plan_of
from tests.support import jobs
from tests.support.announcements import changes_are_announced


def test_1_the_database_is_the_truth_redis_may_be_emptied_at_any_moment_and_no_result_is_lost_or_doubled(submitted):
    """Messages are lost, doubled and late: every message is one call of `take_turns`, whatever came before."""
    chance = random.Random(7)
    for _ in range(200):
        if chance.random() < 0.3:
            execution.take_turns(submitted.pk)  # a message, perhaps a second copy, perhaps one from before the end
        if chance.random() < 0.3:
            watchdog.do_round(timezone.now())
    ended = jobs.finish(submitted)
    metrics, _ = jobs.computed(ended)
    assert (ended.status, ended.successful, ended.failed) == ("complete", 24, 3)
    assert jobs.stored(ended).tobytes() == metrics.tobytes()
    assert set(ended.chunks.values_list("attempt", flat=True)) == {1}


def test_1_the_queue_carries_nothing_but_the_name_of_the_task(submitted, queued):
    queue.wake_workers(3)
    assert queued == [queue.RUN_SLICE] * 3


def test_2_a_terminal_state_is_entered_once_and_who_changed_the_row_announces_it(halfway, published):
    now = timezone.now()
    enders = [
        lambda: lifecycle.cancel(halfway.pk, now),
        lambda: lifecycle.expire(halfway, halfway.deadline_at),
        lambda: lifecycle.fail(halfway.pk, now, "no room"),
    ]
    assert [ender() for ender in enders * 2] == [True] + [False] * 5
    assert [event["status"] for event in published] == ["cancelled"]
    assert jobs.reread(halfway).status == Status.CANCELLED


def test_3_results_and_counters_commit_together_and_recording_twice_changes_nothing(submitted):
    chunks = list(iter(lambda: jobs.claim(submitted.pk), None))
    results = [(chunk, attempts.compute(chunk)) for chunk in chunks]
    order = results * 3
    random.Random(3).shuffle(order)
    for chunk, result in order:
        jobs.record(chunk, result, timezone.now())
        done = submitted.chunks.filter(status=ChunkStatus.DONE)
        session = jobs.reread(submitted)
        assert session.current == sum(each.stop - each.start for each in done)
        failed = sum(last - first for each in done for _, ranges in each.failures for first, last in ranges)
        assert session.failed == failed
    assert session.status == "complete"


def test_4_every_change_that_a_watcher_may_see_raises_the_sequence(submitted, monkeypatch, settings):
    seen = "status phase successful failed leaders last_test failures paused_at error results"
    before = BatchSession.objects.values("sequence", *seen.split()).get()
    settings.EVENT_INTERVAL_S = 0
    monkeypatch.setattr(execution, "is_warm", lambda strategy: True)
    moves = [
        lambda: jobs.run(jobs.claim(submitted.pk)),
        lambda: lifecycle.pause(submitted.pk, timezone.now()),
        lambda: lifecycle.resume(submitted.pk, timezone.now()),
        lambda: jobs.run(jobs.claim(submitted.pk)),
        lambda: lifecycle.cancel(submitted.pk, timezone.now()),
    ]
    for change in moves:
        with changes_are_announced(submitted.pk, events=1):
            change()
        after = BatchSession.objects.values("sequence", *seen.split()).get()
        assert after["sequence"] > before["sequence"]
        before = after
    for nothing in (lambda: lifecycle.cancel(submitted.pk, timezone.now()), lambda: execution.take_turns(submitted.pk)):
        with changes_are_announced(submitted.pk, events=0):
            nothing()
        assert BatchSession.objects.values("sequence", *seen.split()).get() == before


@pytest.mark.django_db(transaction=True)
async def test_5_every_watcher_gets_exactly_one_terminal_event_however_late_it_comes(
    submitted, worker, monkeypatch, settings
):
    monkeypatch.setattr(hub, "POLL_S", 0.02)
    settings.EVENT_INTERVAL_S = 0.01

    async def watch(delay):
        await asyncio.sleep(delay)
        async with asyncio.timeout(20), contextlib.aclosing(follow.follow(submitted.pk)) as events:
            return [event async for event in events if event is not None]

    watched = await asyncio.gather(*(watch(number / 100) for number in range(30)))
    watched.append(await watch(0))
    for events in watched:
        assert [event.is_terminal for event in events] == [False] * (len(events) - 1) + [True]
        assert events[0].kind == "connected"
        assert all(later.sequence > earlier.sequence for earlier, later in itertools.pairwise(events))
    assert len({events[-1].sequence for events in watched}) == 1
    assert (await sync_to_async(jobs.reread)(submitted)).status == "complete"


@pytest.mark.django_db(transaction=True)
def test_6_no_transaction_is_open_while_the_engine_computes_and_nothing_is_announced_before_commit(
    start, queued, published, monkeypatch, settings
):
    settings.EVENT_INTERVAL_S = 0
    seen = []

    def watched(module, name):
        original = getattr(module, name)

        def look(*args, **kwargs):
            seen.append((name, transaction.get_connection().in_atomic_block))
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, look)

    watched(attempts, "run_slice")
    watched(celery.Celery, "send_task")
    watched(redis.Redis, "publish")
    session = jobs.work_some(jobs.submit(start()), 3)
    lifecycle.pause(session.pk, timezone.now())
    lifecycle.resume(session.pk, timezone.now())
    lifecycle.cancel(session.pk, timezone.now())
    jobs.finish(retrying.retry(jobs.reread(session), now=timezone.now()))
    names = [name for name, _ in seen]
    assert set(names) == {"run_slice", "send_task", "publish"}
    assert names.count("send_task") == 3 * queue.WAKEN + 2, "start, resume and retry; the verdicts of both"
    assert not any(in_transaction for _, in_transaction in seen)


ALLOWED = {"numpy", "numba", "pandas", "llvmlite", "backtester", *sys.stdlib_module_names}


def test_7_the_engine_knows_nothing_above_it_at_rest():
    for path in pathlib.Path(backtester.engine.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] in ALLOWED, f"{path.name} imports {name}"
                assert not name.startswith("backtester") or name.startswith("backtester.engine"), path.name


def test_7_the_engine_knows_nothing_above_it_at_run_time():
    look = "import sys, backtester.engine; print(*(sorted({name.split('.')[0] for name in sys.modules})))"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env=environment)
    loaded = set(done.stdout.split())
    assert not loaded & {"django", "batches", "celery", "channels", "redis", "ninja", "kombu", "orjson", "asgiref"}
    assert "numpy" in loaded


def test_a_worker_loads_nothing_that_only_pages_need():
    look = """
from backtester.celery import app
app.loader.import_default_modules()
import sys
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, env=os.environ | worker.SETTINGS
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"daphne.server", "twisted.internet.reactor", "batches.admin", "batches.urls", "ninja.main"}
    assert "batches.tasks" in loaded


def test_8_a_combination_is_a_pure_function_of_its_index_any_row_can_be_replayed_to_the_same_bits(start):
    session = jobs.finish(jobs.submit(start(enableBetaScaling=True, coefficients=[1, 0.5], direction="both")))
    stored, plan = jobs.stored(session), plan_of(session)
    _, reasons = jobs.computed(session)
    for index in range(session.total):
        if index in reasons:
            continue
        number = plan.grid.symbols.index(plan.grid.decode(index).symbol)
        played = replay(plan.grid, plan.prices(number), index, plan.rules, beta=plan.betas[number])
        np.testing.assert_array_equal([played.metrics[name] for name in METRIC_NAMES], stored[:, index])
