"""The verdict as a job: when it is computed, requested again, cancelled or given up."""

from datetime import timedelta

import pytest
from django.utils import timezone

from batches.models import BatchSession, Verdict
from batches.running import lifecycle, worker
from batches.verdict import jobs as verdict_jobs
from batches.verdict import steps
from batches.verdict import turns as verdict_turns
from batches.verdict.options import Options
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")


def test_the_batch_ends_before_its_verdict_begins(noise, published):
    assert noise.status == "complete"
    verdict = Verdict.objects.get(session=noise)
    assert verdict.status == "waiting"
    before = noise.sequence
    judge(noise)
    assert jobs.reread(noise).sequence == before
    assert [event["type"] for event in published].count("complete") == 1


def test_a_verdict_that_costs_too_much_waits_for_a_request(sweep, settings):
    settings.VERDICT_BUDGET_S = 0.0
    store_prices("DEAR", walk(11))
    session = sweep(["DEAR"])
    assert judge(session)["reasons"] == {"verdict": "over_budget"}
    verdict_jobs.request(session, Options(), timezone.now())
    assert judge(session)["status"] == "ready"


def test_within_the_budget_only_the_shuffles_are_left_out(sweep, settings, monkeypatch):
    monkeypatch.setattr(verdict_jobs, "seconds", lambda _, options: 1.0 + options.shuffles)
    settings.VERDICT_BUDGET_S = 10.0
    store_prices("DEAR", walk(11))
    answer = judge(sweep(["DEAR"]))
    assert answer["status"] == "ready"
    assert answer["shuffle"] is None
    assert answer["reasons"]["shuffle"] == "over_budget"
    assert answer["luck"]["p"] is not None


def test_shuffles_that_were_not_requested_are_not_called_too_expensive(noise):
    judge(noise)
    verdict_jobs.request(noise, Options(shuffles=0), timezone.now())
    assert judge(noise)["reasons"]["shuffle"] == "not_requested"


def test_a_cancelled_verdict_stays_cancelled_whoever_works_on_it(noise):
    claim = verdict_turns.claim_next(timezone.now())
    assert verdict_jobs.cancel(noise)
    verdict_turns.work_on(claim, 60.0)
    row = Verdict.objects.get(session=noise)
    assert (row.status, row.reason) == ("unavailable", "cancelled")
    assert not row.rows.exists()
    assert not verdict_jobs.cancel(noise)


def test_a_deleted_batch_takes_its_verdict_along(noise):
    verdict_turns.work_on(verdict_turns.claim_next(timezone.now()), 0.0)
    lifecycle.delete(noise.pk)
    assert not Verdict.objects.exists()
    assert not verdict_turns.take_turn()


def test_a_worker_that_died_is_replaced_and_a_deadly_verdict_ends(noise):
    for attempt in range(verdict_turns.MAX_ATTEMPTS):
        assert verdict_turns.claim_next(timezone.now()).piece.attempts == attempt + 1
        assert verdict_turns.claim_next(timezone.now()) is None  # the lease holds
        assert verdict_turns.free_if_gone(lambda _: True)
    assert verdict_turns.take_turn()
    row = Verdict.objects.get(session=noise)
    assert (row.status, row.reason) == ("unavailable", "internal_error")


def test_an_error_ends_the_verdict_and_not_the_worker(noise, monkeypatch):
    monkeypatch.setattr(steps.Judge, "compute", lambda *_: 1 / 0)
    assert verdict_turns.take_turn()
    assert Verdict.objects.get(session=noise).reason == "internal_error"
    assert BatchSession.objects.get(pk=noise.pk).status == "complete"


def test_other_options_compute_it_again_and_the_same_do_not(noise):
    first = judge(noise)
    assert verdict_jobs.request(noise, Options(), timezone.now()).status == "ready"
    other = Options(shuffles=19, train=300, test=100, gap=5, anchored=True, seed=7)
    row = verdict_jobs.request(noise, other, timezone.now())
    assert row.status == "waiting"
    second = judge(noise)
    assert len(second["walkForward"]["windows"]) == 10
    assert second["luck"]["p"] != first["luck"]["p"] or second["luck"]["mean"] != first["luck"]["mean"]
    assert second["options"]["seed"] == 7


def test_a_worker_goes_on_to_the_verdict_and_alternates_with_batches(sweep, start, monkeypatch):
    store_prices("NEXT", walk(11))
    session, second = sweep(["NEXT"]), sweep(["NEXT"])
    other = jobs.submit(start())
    now = Verdict.objects.get(session=session).created_at
    Verdict.objects.filter(session=second).update(created_at=now)
    assert not worker.verdict_is_next(now + timedelta(seconds=1.9)), "the batch is waited for"
    assert worker.verdict_is_next(now + timedelta(seconds=2)), "it has waited for longer than the batch"
    later = now + timedelta(seconds=2)
    Verdict.objects.filter(session=second).update(turn_at=later)
    assert not worker.verdict_is_next(later + timedelta(seconds=1.9)), "two verdicts have no more turns than one"
    Verdict.objects.filter(session=second).update(turn_at=None)
    with monkeypatch.context() as patches:
        patches.setattr(worker.turns, "must_leave_one", lambda *_: True)
        Verdict.objects.update(created_at=timezone.now())
        assert worker.take_turns(), "a worker that the batch has to leave free"
        assert Verdict.objects.get(session=session).turn_at is not None
    turns = 0
    while worker.take_turns() and turns < 500:
        turns += 1
    assert Verdict.objects.get(session=session).status == "ready"
    assert jobs.reread(other).status == "complete"
    assert Verdict.objects.get(session=other).status == "ready"
    assert not worker.take_turns()
