"""Every move of a batch from state to state, legal or not, and every ending."""

import itertools
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from batches.errors import Conflict
from batches.models import ACTIVE, TERMINAL, BatchSession, ResultChunk, Status
from batches.results.cache import cache
from batches.results.columns import columns_of
from batches.running import lifecycle
from batches.running.lifecycle import MOVES
from batches.running.queue import WAKEN
from tests.support import jobs
from tests.support.announcements import changes_are_announced

PAIRS = list(itertools.product(Status, Status))


def put_into(session, status, **changes):
    BatchSession.objects.filter(pk=session.pk).update(status=status, **changes)


def row(session):
    """Every stored value of the batch."""
    return BatchSession.objects.values().get(pk=session.pk)


def test_every_status_is_either_active_or_terminal_and_has_its_moves():
    assert ACTIVE | TERMINAL == set(Status) == set(MOVES)
    assert not ACTIVE & TERMINAL
    assert {status for status in Status if not MOVES[status]} == TERMINAL == {s for s in Status if s.is_terminal}


@pytest.mark.parametrize(("source", "to"), PAIRS, ids=[f"{source}-{to}" for source, to in PAIRS])
def test_a_move_changes_and_announces_the_batch_only_where_the_table_allows_it(submitted, source, to):
    put_into(submitted, source)
    before = row(submitted)
    with changes_are_announced(submitted.pk) as published:
        moved = lifecycle.move(submitted.pk, to, timezone.now(), error="changed")
    assert moved is (to in MOVES[source])
    if not moved:
        assert row(submitted) == before
        assert not published
        return
    after = row(submitted)
    assert (after["status"], after["error"]) == (to, "changed")
    assert after["sequence"] == before["sequence"] + (2 if to.is_terminal else 1)
    assert [event["sequence"] for event in published] == [after["sequence"]]


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_nothing_moves_a_batch_that_has_ended(submitted, published, queued, status):
    now = timezone.now()
    put_into(submitted, status, deadline_at=now - timedelta(days=1), successful=submitted.total)
    before = row(submitted)
    assert not lifecycle.cancel(submitted.pk, now)
    assert not lifecycle.pause(submitted.pk, now)
    assert not lifecycle.resume(submitted.pk, now)
    assert not lifecycle.fail(submitted.pk, now, "too late")
    assert not lifecycle.expire(submitted, now)
    assert not lifecycle.complete(submitted.pk)
    assert row(submitted) == before
    assert not published
    assert not queued


def test_cancelling_twice_announces_once_and_keeps_what_is_finished(halfway, published):
    done = halfway.current
    assert lifecycle.cancel(halfway.pk, timezone.now()) is True
    assert lifecycle.cancel(halfway.pk, timezone.now()) is False
    ended = jobs.reread(halfway)
    assert (ended.status, ended.error_code, ended.error) == ("cancelled", "CANCELLED", "The batch was cancelled.")
    assert (ended.current, ended.deadline_at) == (done, None)
    assert ended.ended_at
    assert [event["status"] for event in published] == ["cancelled"]
    assert jobs.claim(halfway.pk) is None


def test_a_pause_stops_the_deadline_and_a_resume_moves_it_by_the_paused_time(halfway, queued):
    now = timezone.now()
    assert lifecycle.pause(halfway.pk, now) is True
    assert lifecycle.pause(halfway.pk, now) is False
    paused = jobs.reread(halfway)
    assert (paused.status, paused.deadline_at, paused.paused_at) == ("paused", None, now)
    assert not lifecycle.expire(paused, now + timedelta(days=365))

    assert lifecycle.resume(halfway.pk, now + timedelta(seconds=100)) is True
    assert lifecycle.resume(halfway.pk, now + timedelta(seconds=200)) is False
    resumed = jobs.reread(halfway)
    assert (resumed.status, resumed.paused_at, resumed.paused_s) == ("running", None, 100)
    assert resumed.deadline_at == halfway.deadline_at + timedelta(seconds=100)
    assert len(queued) == WAKEN
    assert jobs.finish(resumed).status == "complete"


def test_pauses_add_up(halfway):
    now = timezone.now()
    for minute in (0, 10):
        lifecycle.pause(halfway.pk, now + timedelta(minutes=minute))
        lifecycle.resume(halfway.pk, now + timedelta(minutes=minute, seconds=30))
    assert jobs.reread(halfway).paused_s == 60


def test_a_batch_paused_before_it_began_waits_again_after_the_resume(submitted):
    lifecycle.pause(submitted.pk, timezone.now())
    assert jobs.claim(submitted.pk) is None
    lifecycle.resume(submitted.pk, timezone.now())
    assert jobs.reread(submitted).status == "queued"
    assert jobs.finish(submitted).status == "complete"


def test_a_paused_batch_can_be_cancelled(halfway):
    lifecycle.pause(halfway.pk, timezone.now())
    assert lifecycle.cancel(halfway.pk, timezone.now()) is True


def test_a_batch_expires_at_its_deadline_and_not_before(halfway, published):
    just_before = halfway.deadline_at - timedelta(milliseconds=1)
    assert not lifecycle.expire(halfway, just_before)
    assert lifecycle.expire(halfway, halfway.deadline_at)
    ended = jobs.reread(halfway)
    assert (ended.status, ended.error_code) == ("error", "TIMEOUT")
    assert ended.error == "Operation timed out after 15 minutes."
    assert ended.current == halfway.current
    assert len(published) == 1


def test_a_batch_whose_deadline_was_moved_meanwhile_does_not_expire(halfway):
    BatchSession.objects.filter(pk=halfway.pk).update(deadline_at=halfway.deadline_at + timedelta(hours=1))
    assert not lifecycle.expire(halfway, halfway.deadline_at)


def test_a_batch_that_cannot_go_on_says_why(halfway):
    assert lifecycle.fail(halfway.pk, timezone.now(), "The disk is full.")
    ended = jobs.reread(halfway)
    assert (ended.status, ended.error_code, ended.error) == ("error", "INTERNAL_ERROR", "The disk is full.")


def test_a_batch_is_not_complete_before_every_test_is_done(halfway, published):
    assert lifecycle.complete(halfway.pk) is False
    assert not published


def test_completing_twice_announces_once(finished, published):
    assert lifecycle.complete(finished.pk) is False
    assert not published


def test_the_results_are_there_when_the_batch_is_complete(finished):
    results = finished.results
    assert (results["totalCombinations"], results["successfulRuns"], results["failedRuns"]) == (27, 24, 3)
    assert results["sortedBy"] == "sharpe"
    assert results["summary"]["overallBest"]["index"] == finished.leaders[0]["index"]
    assert set(results["summary"]["bestBySymbol"]) == {"ACME", "BOLT", "CORE"}
    assert results["comparison"]["ACME"]["totalReturn"]
    assert results["validation"]["excludedCombinations"] == 0


def test_who_ends_a_batch_does_not_keep_its_results_in_memory_and_who_reads_them_does(finished):
    """A worker ends thousands of batches, and reads each of them once."""
    assert cache.size == 0
    columns_of(finished).metric("sharpe")
    assert cache.size == 8 * finished.total


@pytest.mark.parametrize("status", sorted(ACTIVE))
def test_an_active_batch_is_not_deleted(submitted, status):
    put_into(submitted, status)
    with pytest.raises(Conflict, match="cancel it first"):
        lifecycle.delete(submitted.pk)
    assert BatchSession.objects.exists()


def test_deleting_takes_the_results_along_and_can_be_done_twice(finished):
    assert lifecycle.delete(finished.pk) is True
    assert not ResultChunk.objects.exists()
    assert lifecycle.delete(finished.pk) is False


ENDERS = {
    "cancel": lambda session: lifecycle.cancel(session.pk, timezone.now()),
    "expire": lambda session: lifecycle.expire(session, session.deadline_at),
    "fail": lambda session: lifecycle.fail(session.pk, timezone.now(), "out of memory"),
    "complete": lambda session: lifecycle.complete(session.pk),
}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(ENDERS, 2)))
def test_of_two_enders_the_first_wins_and_only_it_announces(submitted, published, first, second):
    put_into(submitted, Status.RUNNING, successful=submitted.total)
    session = jobs.reread(submitted)
    assert ENDERS[first](session) is True
    before = row(session)
    assert ENDERS[second](session) is False
    assert row(session) == before
    assert len(published) == 1


@pytest.mark.django_db(transaction=True)
def test_of_enders_that_race_one_wins_and_one_announces(start, published):
    session = jobs.submit(start())
    put_into(session, Status.RUNNING, successful=session.total)
    session = jobs.reread(session)
    barrier, won = threading.Barrier(len(ENDERS)), []

    def end(ender):
        try:
            barrier.wait(10)
            won.append(ender(session))
        finally:
            connection.close()

    threads = [threading.Thread(target=end, args=[ender]) for ender in ENDERS.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(won) == [False, False, False, True]
    assert len(published) == 1
    assert jobs.reread(session).sequence == session.sequence + 2
