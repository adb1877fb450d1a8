"""A retry begins with what is finished; only the failed and the missing are run, to the same bits."""

import pytest
from django.utils import timezone

from backtester.engine import BadPrices
from batches.errors import Conflict, TooMany
from batches.models import BatchSession, ChunkStatus
from batches.running import attempts, lifecycle, retrying
from batches.running.queue import WAKEN
from batches.running.recording import record_lost_chunk
from batches.sweep.progress import remaining_seconds
from tests.support import jobs


def retry(session):
    return retrying.retry(jobs.reread(session), now=timezone.now())


@pytest.fixture
def cancelled(halfway):
    lifecycle.cancel(halfway.pk, timezone.now())
    return jobs.reread(halfway)


@pytest.fixture
def computed(monkeypatch):
    """The slices that are really computed: [(start, stop), ...]."""
    calls, run_slice = [], attempts.run_slice

    def note(grid, prices, start, stop, *args, **kwargs):
        calls.append((start, stop))
        return run_slice(grid, prices, start, stop, *args, **kwargs)

    monkeypatch.setattr(attempts, "run_slice", note)
    return calls


def test_a_retry_begins_where_the_ended_batch_stood(cancelled, queued):
    session = retry(cancelled)
    assert session.pk != cancelled.pk
    assert session.retry_of == cancelled
    assert (session.status, session.total) == ("queued", 27)
    assert session.carried_tests == session.current == cancelled.successful
    assert session.leaders == cancelled.leaders
    assert (session.request, session.instruments) == (cancelled.request, cancelled.instruments)
    assert len(queued) == WAKEN
    assert remaining_seconds(session, timezone.now()) is None


def test_only_what_is_missing_is_run_and_the_end_is_that_of_an_undisturbed_run(cancelled, computed, start):
    session = jobs.finish(retry(cancelled))
    assert sum(stop - first for first, stop in computed) == 27 - cancelled.successful
    undisturbed = jobs.finish(jobs.submit(start()))
    assert (session.status, session.successful, session.failed) == ("complete", 24, 3)
    assert jobs.stored(session).tobytes() == jobs.stored(undisturbed).tobytes()
    assert session.leaders == undisturbed.leaders
    assert session.work_done == undisturbed.work_done == session.work_total
    assert session.failures[0]["count"] == 3
    assert session.results["results"] == undisturbed.results["results"]


def test_the_ended_batch_stays_as_it_was(cancelled):
    before = BatchSession.objects.values().get(pk=cancelled.pk)
    stored = jobs.stored(cancelled).tobytes()
    jobs.finish(retry(cancelled))
    assert BatchSession.objects.values().get(pk=cancelled.pk) == before
    assert jobs.stored(cancelled).tobytes() == stored


def test_tests_that_failed_are_run_again_and_only_they(start, monkeypatch, computed):
    """One test fails once; the machine is well again when it is retried."""
    note = attempts.run_slice

    def out_of_sorts(grid, prices, start, stop, *args, **kwargs):
        if prices.symbol == "BOLT":
            raise BadPrices("BOLT could not be read today.")
        return note(grid, prices, start, stop, *args, **kwargs)

    monkeypatch.setattr(attempts, "run_slice", out_of_sorts)
    session = jobs.finish(jobs.submit(start()))
    assert (session.status, session.failed) == ("complete", 12)
    monkeypatch.setattr(attempts, "run_slice", note)
    computed.clear()

    again = jobs.finish(retry(session))
    assert (again.status, again.successful, again.failed) == ("complete", 24, 3)
    assert sorted(index for first, stop in computed for index in range(first, stop)) == [
        *range(9, 18), *(index for index, _ in _failing(again))
    ]  # fmt: skip
    metrics, _ = jobs.computed(again)
    assert jobs.stored(again).tobytes() == metrics.tobytes()


def _failing(session):
    _, reasons = jobs.computed(session)
    return sorted(reasons.items())


def test_failures_scattered_over_a_chunk_are_run_alone(settings, start, computed):
    settings.CHUNK_TARGET_S = 0.3
    session = jobs.finish(jobs.submit(start(symbols=["CORE"])))
    assert session.chunks.count() == 1
    computed.clear()
    again = jobs.finish(retry(session))
    assert {stop - first for first, stop in computed} == {1}
    assert len(computed) == 3
    assert jobs.stored(again).tobytes() == jobs.stored(session).tobytes()


def test_failures_too_scattered_run_their_chunk_again_as_a_whole(settings, start, computed, monkeypatch):
    settings.CHUNK_TARGET_S = 0.3
    monkeypatch.setattr(retrying, "MAX_PIECES", 2)
    session = jobs.finish(jobs.submit(start(symbols=["CORE"])))
    computed.clear()
    assert jobs.finish(retry(session)).current == 9
    assert (computed[0][0], sum(stop - first for first, stop in computed)) == (0, 9)  # a slow machine takes two turns


def test_results_of_another_version_of_the_engine_are_not_mixed_with_new_ones(cancelled, computed):
    BatchSession.objects.filter(pk=cancelled.pk).update(engine_version="0")
    session = retry(cancelled)
    assert (session.current, session.carried_tests) == (0, 0)
    assert jobs.finish(session).current == 27
    assert sum(stop - first for first, stop in computed) == 27


def test_a_retry_of_a_retry_carries_everything_over(cancelled, computed):
    second = retry(cancelled)
    jobs.work_some(second, 2)
    lifecycle.cancel(second.pk, timezone.now())
    third = jobs.finish(retry(second))
    assert (third.status, third.current) == ("complete", 27)
    metrics, _ = jobs.computed(third)
    assert jobs.stored(third).tobytes() == metrics.tobytes()


def test_chunks_that_the_workers_did_not_survive_are_run_again(submitted):
    record_lost_chunk(jobs.claim(submitted.pk), "No worker survived.", timezone.now())
    session = jobs.finish(submitted)
    assert session.chunks.filter(status=ChunkStatus.FAILED).exists()
    again = jobs.finish(retry(session))
    assert (again.successful, again.failed) == (24, 3)


def test_an_active_batch_is_not_retried(halfway):
    with pytest.raises(Conflict) as refused:
        retry(halfway)
    assert (refused.value.status, refused.value.code) == (409, "STILL_ACTIVE")
    assert BatchSession.objects.count() == 1


def test_a_batch_that_succeeded_is_not_retried(start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"])))
    with pytest.raises(Conflict) as refused:
        retry(session)
    assert refused.value.code == "NOTHING_TO_RETRY"


def test_a_retry_counts_towards_the_limit_of_running_batches(cancelled, settings):
    settings.BATCH_MAX_RUNNING = 0
    with pytest.raises(TooMany, match="BATCH_MAX_RUNNING"):
        retry(cancelled)
    assert BatchSession.objects.count() == 1
