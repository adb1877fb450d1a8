"""Whose turn it is: overdue batches, then owners, then batches, each by their last turn. No batch starves."""

import uuid
from datetime import timedelta

import hypothesis
import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from batches.models import BatchSession, ChunkStatus, Status
from batches.running import lifecycle, turns, worker
from batches.running.turns import Candidate
from tests.support import jobs

NOW = timezone.now()


def candidate(turn_s_ago=None, *, owner=None, created_s_ago=9.0, waiting=True, holders=0):
    turn_at = None if turn_s_ago is None else NOW - timedelta(seconds=turn_s_ago)
    return Candidate(uuid.uuid4(), owner, NOW - timedelta(seconds=created_s_ago), turn_at, waiting, holders)


def first(*batches):
    return turns.in_order(batches, NOW)[0]


@pytest.fixture(autouse=True)
def _two_workers(settings):
    settings.WORKERS = 2


def test_the_batch_whose_last_turn_is_longest_ago_is_first():
    batches = [candidate(3), candidate(5), candidate(1)]
    assert [batches.index(batch) for batch in turns.in_order(batches, NOW)] == [1, 0, 2]


def test_a_new_batch_goes_before_those_that_had_a_turn_and_after_older_new_ones():
    old, new, newest = candidate(9), candidate(created_s_ago=2), candidate(created_s_ago=1)
    assert turns.in_order([old, newest, new], NOW) == [new, newest, old]


def test_an_overdue_batch_goes_before_a_new_one():
    overdue, new = candidate(turns.OVERDUE_S), candidate(created_s_ago=0)
    assert first(new, overdue) == overdue


def test_a_turn_in_the_future_does_not_keep_a_batch_waiting():
    wrong = candidate(-3600)
    assert first(candidate(5), wrong) == wrong


def test_one_owner_with_many_batches_weighs_as_much_as_one_with_a_single_batch():
    many = [candidate(seconds, owner=1) for seconds in range(2, 9)]
    single = candidate(2.5, owner=2)
    just_served = candidate(1, owner=1)
    assert first(*many, just_served, single) == single
    assert first(*many, candidate(1, owner=2)) == many[-1]


def test_the_turns_of_a_batch_without_waiting_chunks_count_for_its_owner():
    exhausted, other = candidate(0.1, owner=1, waiting=False), candidate(5, owner=1)
    assert first(other, candidate(3, owner=2), exhausted).owner_id == 2
    assert exhausted not in turns.in_order([exhausted, other], NOW)


def test_a_batch_that_holds_all_workers_but_one_lets_others_go_first():
    holder, other = candidate(9, holders=1), candidate(1)
    assert first(holder, other) == other
    assert first(holder) == holder, "nobody else waits"


def test_with_one_worker_a_batch_may_hold_it(settings):
    settings.WORKERS = 1
    assert first(candidate(9), candidate(1)).turn_at == NOW - timedelta(seconds=9)


@pytest.mark.parametrize(("waiting", "seconds"), [(1, 0.3), (4, 0.3), (20, 0.1), (50, 0.04), (1000, 0.03)])
def test_turns_get_shorter_the_more_batches_wait(waiting, seconds):
    assert turns.turn_of(waiting).seconds == pytest.approx(seconds)


@hypothesis.settings(max_examples=20)
@given(
    owners=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    newcomers=st.lists(st.booleans(), min_size=300, max_size=300),
)
def test_no_batch_waits_longer_than_the_proof_says(owners, newcomers):
    """One worker and turns of a second; in each a newcomer may come that is done after its first turn."""
    now, longest_wait_s = NOW, 0.0
    lasting = dict(enumerate(candidate(owner=owner, created_s_ago=0) for owner in owners))
    short = []
    for comes in newcomers:
        now += timedelta(seconds=1)
        if comes and len(lasting) + len(short) < 64:
            short.append(candidate(owner=9)._replace(created_at=now))
        batches = [*lasting.values(), *short]
        waits = [now - turns.unserved_since(batch) for batch in batches]
        longest_wait_s = max(longest_wait_s, max(waits).total_seconds())
        chosen = turns.in_order(batches, now)[0]
        if chosen in short:
            short.remove(chosen)
        else:
            index = next(index for index, batch in lasting.items() if batch.pk == chosen.pk)
            lasting[index] = chosen._replace(turn_at=now)
    assert longest_wait_s <= turns.OVERDUE_S + 64


def test_candidates_are_the_batches_that_workers_may_work_on(start, submitted):
    owner = User.objects.create_user("ann")
    paused, overdue = jobs.submit(start()), jobs.submit(start())
    lifecycle.pause(paused.pk, timezone.now())
    BatchSession.objects.filter(pk=overdue.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    running = jobs.submit(start(), owner=owner)
    claimed = worker.claim(running.pk)
    found = {batch.pk: batch for batch in turns.candidates(timezone.now())}
    assert set(found) == {submitted.pk, running.pk}
    assert (found[submitted.pk].is_waiting, found[submitted.pk].holders, found[submitted.pk].turn_at) == (True, 0, None)
    assert (found[running.pk].is_waiting, found[running.pk].holders, found[running.pk].owner_id) == (False, 1, owner.pk)
    assert claimed.session.pk == running.pk


def test_a_worker_takes_turns_with_all_batches(start, monkeypatch):
    monkeypatch.setattr(turns, "SMALL_S", 0.0)
    batches = [jobs.submit(start()) for _ in range(4)]
    BatchSession.objects.update(work_rate=10.0 * 400)  # ten tests a second: every chunk is cut
    claimed = [worker.claim().session.pk for _ in range(8)]
    assert sorted(claimed[:4]) == sorted(claimed[4:]) == sorted(batch.pk for batch in batches)


def test_while_others_wait_a_batch_that_never_returns_gets_one_worker_of_two(start, monkeypatch):
    monkeypatch.setattr(turns, "SMALL_S", 0.0)
    stuck, good = jobs.submit(start()), jobs.submit(start())
    BatchSession.objects.update(work_rate=10.0 * 400)
    assert worker.claim(stuck.pk)
    for _ in range(3):
        claimed = worker.claim()
        assert claimed.session.pk == good.pk
        good.chunks.filter(status=ChunkStatus.RUNNING).update(status=ChunkStatus.DONE)


def wicked_batch(start):
    """A batch of a user's strategy, and a worker that computes a part of it."""
    batch = jobs.submit(start(strategy="wicked", symbols=["ACME"], parameterRanges={"kind": list(range(20, 80))}))
    assert worker.claim(batch.pk, limit=1)
    return batch


@pytest.mark.parametrize("test_s", [None, turns.SLOW_S])
def test_a_batch_whose_tests_may_be_slow_leaves_a_worker(wicked, start, test_s):
    batch = wicked_batch(start)
    rows = BatchSession.objects.filter(pk=batch.pk)
    if test_s:
        rows.update(successful=10, work_done=10 * 400.0, work_rate=400.0 / test_s)
    assert worker.claim(batch.pk, limit=1) is None
    rows.update(successful=10, work_done=10 * 400.0, work_rate=401.0 / turns.SLOW_S)
    assert worker.claim(batch.pk, limit=1), "both workers"


def test_a_batch_with_a_claim_that_does_not_end_leaves_a_worker(wicked, start):
    batch = wicked_batch(start)
    BatchSession.objects.filter(pk=batch.pk).update(successful=10, work_done=10 * 400.0, work_rate=400.0 * 1e6)
    running = batch.chunks.filter(status=ChunkStatus.RUNNING)
    running.update(lease_until=F("lease_until") - timedelta(seconds=turns.SLOW_S))
    assert worker.claim(batch.pk, limit=1) is None
    running.update(claimed_by="another host:1")
    assert worker.claim(batch.pk, limit=1), "both workers of this host are free"


def test_two_workers_that_look_at_the_same_moment_leave_one_of_them(wicked, start, monkeypatch):
    batch = jobs.submit(start(strategy="wicked", symbols=["ACME"], parameterRanges={"kind": list(range(20, 80))}))
    seen = turns.candidates(timezone.now())
    monkeypatch.setattr(turns, "candidates", lambda now: seen)
    assert worker.claim(batch.pk, limit=1)
    assert worker.claim(batch.pk, limit=1) is None


def test_a_worker_that_has_locked_a_batch_does_not_wait_for_another(start, monkeypatch):
    batches = [jobs.submit(start()) for _ in range(3)]
    seen = turns.candidates(timezone.now())
    monkeypatch.setattr(turns, "candidates", lambda now: seen)
    locked, waits = worker._locked, []
    monkeypatch.setattr(worker, "_locked", lambda pk, *, wait: waits.append(wait) or locked(pk, wait=wait))
    for batch in batches[:2]:
        batch.chunks.update(status=ChunkStatus.DONE)  # by another worker, since the batches were looked at
    assert worker.claim().session.pk == batches[2].pk
    assert waits == [True, False, False]


def test_a_built_in_strategy_may_have_all_workers_at_once(submitted):
    assert worker.claim(submitted.pk, limit=1)
    assert worker.claim(submitted.pk, limit=1)


def test_a_worker_finishes_everything_that_there_is(start):
    batches = [jobs.submit(start()) for _ in range(5)]
    while worker.take_turns():
        pass
    assert {jobs.reread(batch).status for batch in batches} == {Status.COMPLETE}


def test_the_longest_wait_is_that_of_the_batch_that_nobody_serves(submitted, start):
    assert turns.longest_wait(submitted.created_at + timedelta(seconds=3)) == 3.0
    worker.claim(submitted.pk)
    assert turns.longest_wait(timezone.now() + timedelta(hours=1)) == 0.0
