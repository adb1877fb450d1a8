"""What processes that died left behind is put right, once, also when two watchdogs do it."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.ops import heartbeats
from batches.running import lifecycle, recording, watchdog, worker
from batches.running.clock_jumps import WallClock
from batches.running.queue import WAKEN
from tests.support import jobs


@pytest.fixture
def claimed(submitted):
    """A chunk in the hands of this process."""
    return jobs.claim(submitted.pk)


@pytest.fixture(scope="module")
def dead_pid():
    """A process id that nobody has any more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def held_by(chunk, **changes):
    ResultChunk.objects.filter(pk=chunk.pk).update(**changes)


def reread(chunk):
    return ResultChunk.objects.get(pk=chunk.pk)


def test_a_chunk_in_good_hands_is_left_alone(claimed, queued):
    watchdog.free_abandoned_chunks(timezone.now())
    assert reread(claimed).status == ChunkStatus.RUNNING
    assert not queued


def test_a_chunk_whose_lease_ran_out_waits_again(claimed, queued):
    now = reread(claimed).lease_until
    watchdog.free_abandoned_chunks(now - timedelta(seconds=1))
    assert reread(claimed).status == ChunkStatus.RUNNING
    watchdog.free_abandoned_chunks(now)
    assert (reread(claimed).status, reread(claimed).attempt) == (ChunkStatus.WAITING, 1)
    assert queued
    assert jobs.finish(claimed.session).status == "complete"


def test_a_chunk_whose_worker_is_gone_waits_again_at_once(claimed, dead_pid):
    held_by(claimed, claimed_by=f"{heartbeats.WORKER_HOST}:{dead_pid}")
    watchdog.free_abandoned_chunks(timezone.now())
    assert reread(claimed).status == ChunkStatus.WAITING


@pytest.mark.parametrize("name", ["elsewhere:1", "", "nonsense", "elsewhere:"])
def test_of_a_worker_on_another_host_only_the_lease_tells(claimed, name):
    held_by(claimed, claimed_by=name)
    watchdog.free_abandoned_chunks(timezone.now())
    assert reread(claimed).status == ChunkStatus.RUNNING


def test_a_dead_worker_whose_parent_has_not_noticed_counts_as_gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        jobs.wait_until(lambda: watchdog.worker_is_gone(f"{heartbeats.WORKER_HOST}:{process.pid}"))
    finally:
        process.wait()


def test_only_a_process_of_this_host_that_is_gone_counts_as_gone(dead_pid):
    assert watchdog.worker_is_gone(f"{heartbeats.WORKER_HOST}:{dead_pid}")
    assert not watchdog.worker_is_gone(f"{heartbeats.WORKER_HOST}:{os.getpid()}")
    assert not watchdog.worker_is_gone(f"{heartbeats.WORKER_HOST}:1")
    assert not watchdog.worker_is_gone(f"another.{heartbeats.WORKER_HOST}:{dead_pid}")


def test_a_chunk_that_no_worker_survives_fails_after_three_attempts_and_the_batch_goes_on(submitted, settings):
    lost = 0
    for attempt in range(1, settings.CHUNK_MAX_ATTEMPTS + 1):
        chunk = jobs.claim(submitted.pk)
        assert (chunk.position, chunk.attempt) == (0, attempt)
        watchdog.free_abandoned_chunks(reread(chunk).lease_until)
        lost = chunk.stop - chunk.start
    assert reread(chunk).status == ChunkStatus.FAILED
    session = jobs.finish(submitted)
    assert (session.status, session.current) == ("complete", 27)
    words = {cause["message"]: cause["count"] for cause in session.failures}
    assert words["No worker survived this part of the batch (3 attempts)."] == lost


def test_a_last_chunk_that_no_worker_survives_ends_the_batch(start, settings):
    settings.CHUNK_MAX_ATTEMPTS = 1
    session = jobs.submit(start(symbols=["ACME"], parameterRanges={"fast": [3], "slow": [10]}))
    chunk = jobs.claim(session.pk)
    watchdog.free_abandoned_chunks(reread(chunk).lease_until)
    ended = jobs.reread(session)
    assert (ended.status, ended.successful, ended.failed) == ("complete", 0, 1)


def test_a_chunk_of_an_ended_batch_is_left_alone(claimed, queued):
    lifecycle.cancel(claimed.session_id, timezone.now())
    watchdog.do_round(timezone.now() + timedelta(days=1))
    assert reread(claimed).status == ChunkStatus.RUNNING
    assert not queued


def test_a_batch_past_its_deadline_is_ended_with_what_is_finished(halfway):
    watchdog.do_round(halfway.deadline_at)
    ended = jobs.reread(halfway)
    assert (ended.status, ended.error_code, ended.current) == ("error", "TIMEOUT", halfway.current)


def test_rounds_do_not_cost_more_with_every_batch_that_has_ended(start):
    with CaptureQueriesContext(connection) as before:
        watchdog.do_round(timezone.now() + timedelta(days=30))
    for _ in range(3):
        jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges={"fast": [3], "slow": [10]})))
    with CaptureQueriesContext(connection) as after:
        watchdog.do_round(timezone.now() + timedelta(days=30))
    assert len(after) == len(before)


def test_a_finished_batch_whose_worker_died_before_the_end_is_ended(submitted, monkeypatch):
    monkeypatch.setattr(recording.lifecycle, "complete", lambda session_id: False)
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)  # not recorded at once
    session = jobs.finish(submitted)
    monkeypatch.undo()
    assert (session.status, session.current, session.results) == ("running", 27, None)
    watchdog.do_round(timezone.now())
    ended = jobs.reread(session)
    assert (ended.status, ended.results["successfulRuns"]) == ("complete", 24)


def test_the_workers_are_woken_for_a_batch_that_nobody_looks_at(submitted, queued, monkeypatch):
    monkeypatch.setattr(watchdog, "queue_length", lambda: None)
    watchdog.wake_if_unserved(submitted.created_at + timedelta(seconds=watchdog.FORGOTTEN_S - 1))
    assert not queued
    watchdog.wake_if_unserved(submitted.created_at + timedelta(seconds=watchdog.FORGOTTEN_S))
    assert len(queued) == WAKEN


def test_with_an_empty_queue_a_forgotten_batch_waits_only_a_moment(submitted, queued):
    watchdog.wake_if_unserved(submitted.created_at + timedelta(seconds=watchdog.UNATTENDED_S / 2))
    assert not queued
    watchdog.wake_if_unserved(submitted.created_at + timedelta(seconds=watchdog.UNATTENDED_S))
    assert len(queued) == WAKEN


def test_nobody_is_woken_for_a_batch_that_just_had_its_turn(halfway, queued):
    turn_at = timezone.now() + timedelta(minutes=5)
    BatchSession.objects.filter(pk=halfway.pk).update(turn_at=turn_at)
    watchdog.wake_if_unserved(turn_at + timedelta(seconds=watchdog.UNATTENDED_S / 2))
    assert not queued


def test_batches_with_nothing_left_to_claim_are_not_queued_again(submitted, queued):
    while jobs.claim(submitted.pk):
        pass
    watchdog.wake_if_unserved(timezone.now() + timedelta(seconds=20))
    assert not queued


@pytest.mark.parametrize("change", ["pause", "cancel"])
def test_batches_that_nobody_shall_work_on_are_not_queued_again(submitted, queued, change):
    getattr(lifecycle, change)(submitted.pk, timezone.now())
    watchdog.wake_if_unserved(timezone.now() + timedelta(hours=1))
    assert not queued


@pytest.mark.django_db(transaction=True)
def test_two_watchdogs_at_once_have_no_double_effect(start, settings, published):
    settings.CHUNK_MAX_ATTEMPTS = 1
    poisoned, late = jobs.submit(start()), jobs.submit(start(timeoutSeconds=60))
    chunk = jobs.claim(poisoned.pk)
    now, barrier = reread(chunk).lease_until + timedelta(seconds=60), threading.Barrier(3)

    def watch():
        try:
            barrier.wait(10)
            watchdog.do_round(now)
        finally:
            connection.close()

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert jobs.reread(poisoned).failed == chunk.stop - chunk.start
    ended = jobs.reread(late)
    assert (ended.status, ended.sequence) == ("error", 3)
    assert [event["sessionId"] for event in published].count(str(late.pk)) == 1


def test_a_round_that_fails_is_followed_by_the_next(monkeypatch, db):
    monkeypatch.setattr(watchdog, "INTERVAL_S", 0.001)
    stop, rounds = threading.Event(), []

    def refused(now):
        rounds.append(now)
        if len(rounds) == 3:
            stop.set()
        raise DatabaseError("database is locked")

    monkeypatch.setattr(watchdog, "do_round", refused)
    monkeypatch.setattr(watchdog, "close_old_connections", lambda: None)
    watchdog.run(stop, WallClock())
    assert len(rounds) == 3
