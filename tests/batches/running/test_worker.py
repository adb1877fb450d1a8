"""Claiming and computing chunks: whoever does it, in whatever order, the results are the engine's own bits."""

import threading
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone

from backtester.engine import METRIC_NAMES
from batches.models import BatchSession, ChunkStatus, Instrument, ResultChunk, Status
from batches.running import attempts, lifecycle, recording, turns, worker
from batches.sweep import chunking
from tests.support import jobs


def test_a_whole_batch_equals_the_engine_run_directly_bit_for_bit(finished):
    metrics, reasons = jobs.computed(finished)
    np.testing.assert_array_equal(jobs.stored(finished), metrics)
    assert jobs.stored(finished).tobytes() == metrics.tobytes()
    assert len(reasons) == finished.failed == 3


def test_a_scaled_batch_of_a_path_strategy_equals_the_engine_too(start):
    ranges = {"gridInterval": [0.01, 0.03], "profitRequirement": [0.02], "trailingStop": [0.0, 0.01], "maxLots": [3, 8]}
    body = start(
        strategy="grid_dca",
        parameterRanges=ranges,
        direction="both",
        enableBetaScaling=True,
        coefficients=[0.5, 1.5],
        slippage=0.0005,
        startDate="2019-09-02",
    )
    session = jobs.finish(jobs.submit(body))
    metrics, _ = jobs.computed(session)
    assert session.status == "complete"
    assert metrics.shape == (len(METRIC_NAMES), 48)
    assert jobs.stored(session).tobytes() == metrics.tobytes()


def test_the_counters_equal_the_rows(finished):
    stored = jobs.stored(finished)
    undefined = np.isnan(stored[METRIC_NAMES.index("final_equity")])
    assert finished.failed == undefined.sum() == 3
    assert finished.successful == (~undefined).sum() == 24
    assert finished.work_done == finished.work_total


def test_tests_that_cannot_be_run_are_counted_with_their_reason(finished):
    (cause,) = finished.failures
    assert cause["count"] == 3
    assert "70" in cause["message"]
    assert "CORE has 60" in cause["message"]
    assert cause["example"]["symbol"] == "CORE"
    assert cause["example"]["parameters"]["slow"] == 70


def test_a_batch_in_which_every_test_fails_is_complete(start):
    session = jobs.finish(jobs.submit(start(symbols=["CORE"], parameterRanges={"fast": [3], "slow": [70, 80]})))
    assert (session.status, session.successful, session.failed) == ("complete", 0, 2)
    assert session.leaders == []
    assert session.results["summary"]["overallBest"] is None
    assert session.results["validation"]["warnings"]


def test_the_first_claim_starts_the_batch(submitted):
    jobs.claim(submitted.pk)
    session = jobs.reread(submitted)
    assert session.status == "running"
    assert session.started_at
    assert session.worker_seen_at
    assert session.sequence > submitted.sequence


def test_what_takes_long_before_the_first_result_is_announced(submitted, published, monkeypatch):
    monkeypatch.setattr(worker, "is_warm", lambda strategy: False)
    jobs.claim(submitted.pk)
    assert [(event["status"], event["phase"]) for event in published] == [("running", "compiling")]
    jobs.claim(submitted.pk)
    assert len(published) == 1


def test_a_batch_that_ended_between_its_first_claim_and_the_announcement_stays_silent(
    submitted, published, monkeypatch
):
    def cancelled_meanwhile(strategy):
        lifecycle.cancel(submitted.pk, timezone.now())
        return False

    monkeypatch.setattr(worker, "is_warm", cancelled_meanwhile)
    jobs.claim(submitted.pk)
    session = jobs.reread(submitted)
    assert [event["status"] for event in published] == ["cancelled"]
    assert session.sequence == published[0]["sequence"]


def test_chunks_are_claimed_in_their_order_and_each_once(submitted):
    claimed = []
    while chunk := jobs.claim(submitted.pk):
        claimed.append(chunk.position)
    assert claimed == list(range(submitted.chunks.count()))
    assert set(submitted.chunks.values_list("attempt", "claimed_by")) == {(1, worker.process_name())}


def test_all_of_a_small_batch_is_claimed_at_once(submitted):
    assert len(worker.claim(submitted.pk).chunks) == submitted.chunks.count() > 1


@pytest.fixture
def long(submitted):
    """A batch that takes long by its measured rate, ten tests a second: its first chunk of three tests is done."""
    BatchSession.objects.filter(pk=submitted.pk).update(work_rate=10.0 * 400)
    return submitted


def test_a_claim_takes_what_one_worker_computes_in_a_turn(long, monkeypatch):
    attempts.run(worker.claim(long.pk).chunks)
    BatchSession.objects.filter(pk=long.pk).update(work_rate=20.0 * 400)
    monkeypatch.setattr(turns, "LONGEST_TURN_S", 0.3)
    claimed = worker.claim(long.pk).chunks
    work = sum((chunk.stop - chunk.start) * (400, 380, 60)[chunk.symbol_number] for chunk in claimed)
    assert 0.8 * 0.3 * 8_000 < work <= 0.3 * 8_000


def test_a_chunk_that_is_longer_than_a_turn_is_cut(long):
    before = list(long.chunks.values_list("start", "stop"))
    (chunk,) = worker.claim(long.pk).chunks
    assert chunk.stop - chunk.start == 1, "a batch that begins soon has news"
    after = sorted(long.chunks.values_list("start", "stop", "status", "symbol_number"))
    assert after[:2] == [(0, 1, ChunkStatus.RUNNING, 0), (1, before[0][1], ChunkStatus.WAITING, 0)]
    assert after[-1][1] == long.total
    last = long.chunks.latest("position")
    assert last.start == 1, "the rest goes behind the other symbols"


def test_no_turn_is_shorter_than_the_tables_of_its_tests_are_worth(long, monkeypatch):
    """Else a slow turn makes the next one shorter, and each of these computes the tables of all bars for one test."""
    monkeypatch.setattr(chunking, "MIN_CHUNK_S", 0.0)
    first = long.chunks.earliest("position")
    size = first.stop - first.start
    monkeypatch.setattr(chunking, "LEAST_TESTS", size // 2)
    (chunk,) = worker.claim(long.pk).chunks
    assert chunk.stop - chunk.start == size // 2
    monkeypatch.setattr(chunking, "LEAST_TESTS", size // 2 + 1)
    (chunk,) = worker.claim(long.pk).chunks
    assert chunk.stop - chunk.start == size, "what is left would be too small"


def test_a_batch_of_which_every_chunk_is_cut_equals_the_engine(long, monkeypatch):
    monkeypatch.setattr(recording, "RATE_WEIGHT", 0.0)  # the rate stays as it is
    monkeypatch.setattr(turns, "LONGEST_TURN_S", 0.1)
    monkeypatch.setattr(turns, "SMALL_ALONE_S", 0.0)
    session = jobs.finish(long)
    metrics, _ = jobs.computed(session)
    assert session.chunks.count() == 9 + 9 + 2, "the third symbol has few bars"
    assert (session.status, session.successful, session.failed) == ("complete", 24, 3)
    assert jobs.stored(session).tobytes() == metrics.tobytes()


def test_a_chunk_that_was_tried_before_is_claimed_alone(submitted):
    tried = submitted.chunks.filter(status=ChunkStatus.WAITING)[1]
    ResultChunk.objects.filter(pk=tried.pk).update(attempt=1)
    claims = [worker.claim(submitted.pk).chunks for _ in range(3)]
    assert [len(claim) for claim in claims] == [1, 1, submitted.chunks.count() - 2]
    assert claims[1][0].pk == tried.pk


def test_a_claim_that_another_worker_made_first_is_not_made_again(submitted, monkeypatch):
    waiting = list(submitted.chunks.all())
    ResultChunk.objects.filter(session=submitted).update(status=ChunkStatus.RUNNING, claimed_by="other", attempt=1)
    monkeypatch.setattr(worker, "_fitting", lambda *_: waiting)
    assert worker.claim(submitted.pk) is None
    assert set(submitted.chunks.values_list("claimed_by", "attempt")) == {("other", 1)}


@pytest.mark.parametrize("status", [status for status in Status if status not in {"queued", "running"}])
def test_nothing_is_claimed_of_a_batch_that_does_not_run(submitted, status):
    BatchSession.objects.filter(pk=submitted.pk).update(status=status)
    assert jobs.claim(submitted.pk) is None
    assert worker.take_turns(submitted.pk) is False


def test_nothing_is_claimed_past_the_deadline(submitted):
    BatchSession.objects.filter(pk=submitted.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert jobs.claim(submitted.pk) is None


def test_work_on_a_batch_that_is_gone_ends_quietly(submitted):
    BatchSession.objects.all().delete()
    assert worker.take_turns(submitted.pk) is False


def test_a_worker_hands_the_batch_back_after_its_time_slice(submitted, monkeypatch):
    monkeypatch.setattr(worker, "TIME_SLICE_S", 0.0)
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)
    assert worker.take_turns(submitted.pk) is True
    assert submitted.chunks.filter(status=ChunkStatus.DONE).count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_share_a_batch_and_lose_nothing(start):
    session = jobs.submit(start())
    barrier, errors = threading.Barrier(4), []

    def work():
        try:
            barrier.wait(10)
            while worker.take_turns(session.pk):
                pass
            assert not transaction.get_connection().in_atomic_block
        except Exception as error:
            errors.append(error)
            raise
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ended = jobs.reread(session)
    assert not errors
    assert (ended.status, ended.successful, ended.failed) == ("complete", 24, 3)
    assert set(ended.chunks.values_list("attempt", flat=True)) == {1}
    metrics, _ = jobs.computed(ended)
    assert jobs.stored(ended).tobytes() == metrics.tobytes()


def test_a_test_that_fails_for_two_reasons_is_counted_once_and_its_batch_ends(start):
    body = start(
        strategy="volatility_target", symbols=["CORE"], sortBy="annualizedReturn", enableBetaScaling=True,
        coefficients=[1.0], parameterRanges={"window": [5], "target": [0.3, 4.0, 5.0]}, endDate="2020-10-23",
    )  # fmt: skip
    Instrument.objects.filter(symbol="CORE").update(manual_beta=-1.5)
    session = jobs.finish(jobs.submit(body))
    assert (session.status, session.successful + session.failed) == ("complete", session.total)
