"""Every change of a batch raises its sequence and is announced after the commit, whoever makes it."""

import inspect
from datetime import timedelta

import pytest
from django.utils import timezone

from backtester.engine import UnknownStrategy
from batches.models import BatchSession, ResultChunk, Status
from batches.running import attempts, lifecycle, recording, retrying, watchdog, worker
from batches.running.clock_jumps import WallClock
from tests.support import jobs
from tests.support.announcements import changes_are_announced

HOUR = timedelta(hours=1)
RUNNING = {"status": Status.RUNNING}
PAUSED = {"status": Status.PAUSED, "paused_at": timezone.now(), "deadline_at": None}
TRANSITIONS = {
    "move": ({}, lambda session, now: lifecycle.move(session.pk, Status.RUNNING, now)),
    "pause": ({}, lambda session, now: lifecycle.pause(session.pk, now)),
    "pause while running": (RUNNING, lambda session, now: lifecycle.pause(session.pk, now)),
    "resume": (PAUSED, lambda session, now: lifecycle.resume(session.pk, now)),
    "resume after a start": (
        PAUSED | {"started_at": timezone.now()},
        lambda session, now: lifecycle.resume(session.pk, now),
    ),
    "cancel": ({}, lambda session, now: lifecycle.cancel(session.pk, now)),
    "cancel while paused": (PAUSED, lambda session, now: lifecycle.cancel(session.pk, now)),
    "fail": (RUNNING, lambda session, now: lifecycle.fail(session.pk, now, "The disk is full.")),
    "expire": (RUNNING, lambda session, now: lifecycle.expire(session, session.deadline_at)),
    "complete": (RUNNING | {"successful": 27}, lambda session, now: lifecycle.complete(session.pk)),
    "delete": ({"status": Status.CANCELLED}, lambda session, now: lifecycle.delete(session.pk)),
}


@pytest.fixture(autouse=True)
def _every_recording_is_due(settings, queued):
    settings.EVENT_INTERVAL_S = 0


def test_every_function_that_moves_a_batch_is_among_the_transitions():
    functions = inspect.getmembers(lifecycle, inspect.isfunction)
    public = {name for name, function in functions if function.__module__ == lifecycle.__name__ and name[0] != "_"}
    assert public == {name.split()[0] for name in TRANSITIONS} | {"set_complete"}, "that one is in the next test"


def test_a_batch_that_is_recorded_at_once_is_announced_once(submitted, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    chunks = worker.claim(submitted.pk).chunks
    assert len(chunks) == submitted.chunks.count()
    with changes_are_announced(submitted.pk, events=1) as events:
        attempts.run(chunks)
    (event,) = events
    assert (event["type"], event["current"], event["results"]["successfulRuns"]) == ("complete", 27, 24)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_is_announced_once_and_its_repetition_never(submitted, name):
    columns, transition = TRANSITIONS[name]
    BatchSession.objects.filter(pk=submitted.pk).update(**columns)
    session = jobs.reread(submitted)
    with changes_are_announced(session.pk):
        assert transition(session, timezone.now()) is True
    with changes_are_announced(session.pk):
        assert transition(session, timezone.now()) is False


def test_the_start_of_a_batch_is_announced_while_its_strategy_compiles(submitted, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: False)
    with changes_are_announced(submitted.pk, events=1) as events:
        jobs.claim(submitted.pk)
    assert (events[0]["status"], events[0]["phase"]) == ("running", "compiling")
    with changes_are_announced(submitted.pk, events=0):
        jobs.claim(submitted.pk)


def test_with_compiled_kernels_the_first_result_announces_the_start(submitted, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    with changes_are_announced(submitted.pk, events=0):
        chunk = jobs.claim(submitted.pk)
    assert jobs.reread(submitted).sequence > submitted.sequence
    with changes_are_announced(submitted.pk, events=1):
        jobs.run(chunk)


def test_a_recording_is_announced_once_an_interval(submitted, settings):
    chunks = [jobs.claim(submitted.pk) for _ in range(3)]
    with changes_are_announced(submitted.pk, events=1):
        jobs.run(chunks[0])
    settings.EVENT_INTERVAL_S = 1_000
    with changes_are_announced(submitted.pk, events=0):
        jobs.run(chunks[1])
    settings.EVENT_INTERVAL_S = 0
    with changes_are_announced(submitted.pk, events=1):
        jobs.run(chunks[2])


def test_a_second_recording_is_not_announced(submitted):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)
    with changes_are_announced(submitted.pk, events=1):
        jobs.record(chunk, result, timezone.now())
    with changes_are_announced(submitted.pk, events=0):
        jobs.record(chunk, result, timezone.now())
        recording.record_lost_chunk(chunk, "No worker survived.", timezone.now())


def test_of_a_whole_batch_every_commit_raises_the_sequence(submitted, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)  # each chunk in a transaction of its own
    with changes_are_announced(submitted.pk, events=submitted.chunks.count()) as events:
        assert jobs.finish(submitted).status == "complete"
    assert [event["type"] for event in events[-2:]] == ["progress", "complete"]


def test_the_abort_rule_announces_the_last_result_and_the_end(start, settings):
    settings.CHUNK_TARGET_S = 1e-9  # a test each
    session = jobs.submit(start(symbols=["CORE"], abortFailureShare=0, abortMinimumTests=1))
    chunk = next(chunk for chunk in iter(lambda: jobs.claim(session.pk), None) if attempts.compute(chunk).errors)
    with changes_are_announced(session.pk, events=2) as events:
        jobs.run(chunk)
    assert [event["type"] for event in events] == ["progress", "error"]


def test_a_chunk_that_fails_in_its_last_attempt_is_announced(submitted, settings, monkeypatch):
    settings.CHUNK_MAX_ATTEMPTS = 2
    monkeypatch.setattr(attempts, "run_slice", lambda *args, **options: 1 / 0)
    for events in (0, 1):
        chunk = jobs.claim(submitted.pk)
        with changes_are_announced(submitted.pk, events=events):
            jobs.run(chunk)


def test_a_batch_whose_strategy_is_gone_is_announced_as_failed(submitted, monkeypatch):
    def unknown(session):
        raise UnknownStrategy("Unknown strategy 'sma_cross'.")

    chunk = jobs.claim(submitted.pk)
    monkeypatch.setattr(attempts, "plan_of", unknown)
    with changes_are_announced(submitted.pk, events=1) as events:
        jobs.run(chunk)
    assert events[0]["code"] == "INTERNAL_ERROR"


def test_a_retry_announces_nothing_of_the_batch_that_it_retries(halfway, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    lifecycle.cancel(halfway.pk, timezone.now())
    with changes_are_announced(halfway.pk, events=0):
        retried = retrying.retry(jobs.reread(halfway), now=timezone.now())
    with changes_are_announced(retried.pk, events=1):
        jobs.work_some(retried, 1)


def test_the_watchdog_announces_a_batch_past_its_deadline(halfway):
    with changes_are_announced(halfway.pk, events=1) as events:
        watchdog.do_round(halfway.deadline_at)
    assert events[0]["code"] == "TIMEOUT"


def test_the_watchdog_announces_lost_chunks_and_not_those_that_are_tried_again(submitted, settings):
    settings.CHUNK_MAX_ATTEMPTS = 2
    for events in (0, 1):
        chunk = jobs.claim(submitted.pk)
        lease_until = ResultChunk.objects.get(pk=chunk.pk).lease_until
        with changes_are_announced(submitted.pk, events=events):
            watchdog.free_abandoned_chunks(lease_until)


def test_the_watchdog_announces_the_end_that_a_dead_worker_left_open(submitted, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "complete", lambda session_id: False)
        patch.setattr(worker, "MAX_CLAIM", 1)  # not recorded at once
        jobs.finish(submitted)
    with changes_are_announced(submitted.pk, events=1) as events:
        watchdog.do_round(timezone.now())
    assert events[0]["type"] == "complete"


def test_a_batch_whose_workers_are_woken_has_not_changed(submitted, queued):
    queued.clear()
    with changes_are_announced(submitted.pk, events=0):
        watchdog.wake_if_unserved(submitted.created_at + timedelta(seconds=20))
    assert queued


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
@pytest.mark.parametrize("columns", [{}, PAUSED])
def test_a_batch_that_moves_with_the_clock_has_not_changed(halfway, jump, columns):
    BatchSession.objects.filter(pk=halfway.pk).update(**columns)
    clock = WallClock()
    clock.check(timezone.now(), 100.0)
    with changes_are_announced(halfway.pk, events=0):
        assert clock.check(timezone.now() + jump, 100.5) is True
