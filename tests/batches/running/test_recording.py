"""Results and counters are committed together, once, and in any order to the same end."""

import itertools
import random
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.results.ranking import best, better_first
from batches.running import attempts, lifecycle, recording, worker
from batches.running.recording import record_lost_chunk
from batches.running.tallying import CAUSES, LEADERS, OTHER_CAUSES, merged_failures
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from tests.support import jobs

SHOWN = ("status", "phase", "successful", "failed", "work_done", "sequence", "leaders", "failures", "last_test", "pace")


def shown(session):
    return BatchSession.objects.values(*SHOWN).get(pk=session.pk)


def everything(session):
    """All that is stored of a batch."""
    chunks = ResultChunk.objects.filter(session=session.pk).values("pk", "status", "block", "failures")
    return shown(session), [row | {"block": bytes(row["block"] or b"")} for row in chunks.order_by("pk")]


def brute_force_leaders(session):
    """All rows of the batch, sorted in plain Python."""
    rows = jobs.frame(session)
    metric = session.sort_by
    ascending = metric in jobs.LOWER_IS_BETTER
    rows = rows[rows[metric].notna()].sort_values([metric, "index"], ascending=[ascending, True], kind="stable")
    return rows["index"].head(LEADERS).tolist()


def test_recording_a_chunk_twice_changes_nothing(submitted):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)
    assert jobs.record(chunk, result, timezone.now()) is True
    before = everything(submitted)
    assert jobs.record(chunk, result, timezone.now()) is False
    assert record_lost_chunk(chunk, "no worker survived", timezone.now()) is False
    assert everything(submitted) == before


def test_a_worker_that_wakes_up_after_its_chunk_was_given_up_changes_nothing(submitted):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)
    assert record_lost_chunk(chunk, "no worker survived", timezone.now()) is True
    before = everything(submitted)
    assert jobs.record(chunk, result, timezone.now()) is False
    assert everything(submitted) == before


@pytest.mark.parametrize("ending", ["cancel", "expire", "fail"])
def test_a_commit_that_comes_after_the_end_changes_nothing(submitted, ending):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)
    now = timezone.now()
    if ending == "cancel":
        assert lifecycle.cancel(submitted.pk, now)
    elif ending == "expire":
        assert lifecycle.expire(submitted, now + timedelta(days=30))
    else:
        assert lifecycle.fail(submitted.pk, now, "The disk is full.")
    before = everything(submitted)
    assert jobs.record(chunk, result, timezone.now()) is False
    assert everything(submitted) == before


def test_a_commit_that_comes_after_the_deletion_is_no_error(submitted):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)
    lifecycle.cancel(submitted.pk, timezone.now())
    lifecycle.delete(submitted.pk)
    assert jobs.record(chunk, result, timezone.now()) is False
    assert not BatchSession.objects.exists()


def test_what_was_in_hand_when_the_batch_was_paused_is_recorded(submitted):
    chunk = jobs.claim(submitted.pk)
    lifecycle.pause(submitted.pk, timezone.now())
    jobs.run(chunk)
    session = jobs.reread(submitted)
    assert (session.status, session.current) == ("paused", chunk.stop - chunk.start)


def test_the_last_chunk_ends_a_paused_batch(submitted):
    chunks = list(iter(lambda: jobs.claim(submitted.pk), None))
    lifecycle.pause(submitted.pk, timezone.now())
    for chunk in chunks:
        jobs.run(chunk)
    assert jobs.reread(submitted).status == "complete"


def test_every_recorded_chunk_raises_the_sequence(submitted):
    sequences = [jobs.reread(submitted).sequence]
    while chunk := jobs.claim(submitted.pk):
        jobs.run(chunk)
        sequences.append(jobs.reread(submitted).sequence)
    assert all(later > earlier for earlier, later in itertools.pairwise(sequences))


def test_progress_is_announced_at_most_every_interval_and_the_first_at_once(
    submitted, published, settings, monkeypatch
):
    settings.EVENT_INTERVAL_S = 1_000
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)  # each chunk in a transaction of its own
    session = jobs.finish(submitted)
    assert published[0]["status"] == "running"
    assert [event["status"] for event in published[1:]] == ["complete"]
    assert session.status == "complete"


def test_without_an_interval_every_chunk_but_the_last_is_announced(submitted, published, settings, monkeypatch):
    settings.EVENT_INTERVAL_S = 0
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)  # each chunk in a transaction of its own
    jobs.finish(submitted)
    assert [event["status"] for event in published] == ["running"] * (submitted.chunks.count() - 1) + ["complete"]


@pytest.mark.parametrize("last", [-3600.0, 3600.0])
def test_a_clock_that_jumped_does_not_silence_a_batch(submitted, last):
    now = timezone.now()
    submitted.published_at = now + timedelta(seconds=last)
    assert recording.publishing_is_due(submitted, now)


@pytest.mark.parametrize("metric", sorted(METRICS_BY_WIRE_NAME))
def test_leaders_are_the_best_of_all_rows_by_each_metric(start, metric):
    session = jobs.finish(jobs.submit(start(sortBy=metric)))
    assert [row["index"] for row in session.leaders] == brute_force_leaders(session)


@pytest.mark.parametrize("seed", range(6))
def test_leaders_and_counters_do_not_depend_on_the_order_of_the_chunks(start, seed):
    """Many ties: a fast average of 3, 4 and 5 with the same trades is common, and trades are few whole numbers."""
    body = start(sortBy="trades", parameterRanges={"fast": [3, 4, 5, 6], "slow": [10, 11, 12, 70]})
    session = jobs.submit(body)
    chunks = list(iter(lambda: jobs.claim(session.pk), None))
    random.Random(seed).shuffle(chunks)
    for chunk in chunks:
        jobs.run(chunk)
    ended = jobs.reread(session)
    assert [row["index"] for row in ended.leaders] == brute_force_leaders(ended)
    assert (ended.successful, ended.failed) == (44, 4)
    assert [(cause["count"], cause["message"][:4]) for cause in ended.failures] == [(4, "slow")]


@given(
    values=st.lists(st.sampled_from([None, -1.0, 0.0, 0.5, 0.5, 2.0]), min_size=1, max_size=40),
    cuts=st.sets(st.integers(1, 39), max_size=8),
    order=st.randoms(use_true_random=False),
    descending=st.booleans(),
)
def test_merging_the_best_of_slices_gives_the_best_of_all_in_any_order(values, cuts, order, descending):
    rows = [{"index": index, "sharpe": value} for index, value in enumerate(values)]
    column = np.array([np.nan if value is None else value for value in values])
    edges = [0, *sorted(cut for cut in cuts if cut < len(values)), len(values)]
    slices = list(itertools.pairwise(edges))
    order.shuffle(slices)
    leaders = []
    for first, last in slices:
        top = best(column[first:last], LEADERS, descending=descending) + first
        merged = better_first([*leaders, *(rows[at] for at in top)], "sharpe", descending=descending)
        leaders = merged[:LEADERS]
    sign = -1 if descending else 1
    expected = sorted((row for row in rows if row["sharpe"] is not None), key=lambda row: sign * row["sharpe"])
    assert leaders == expected[:LEADERS]


def test_a_batch_remembers_a_limited_number_of_causes_and_counts_the_rest_together(submitted):
    plan = attempts.plan_of(submitted)
    known = []
    for number in range(CAUSES + 5):
        known = merged_failures(known, plan, [(f"cause {number}", [[number % 27, number % 27 + 1]])])
    assert len(known) == CAUSES + 1
    assert {cause["message"]: cause["count"] for cause in known}[OTHER_CAUSES] == 5
    again = merged_failures(known, plan, [("cause 0", [[0, 3], [5, 6]])])
    assert (again[-1]["message"], again[-1]["count"]) == ("cause 0", 5)


def test_a_chunk_that_killed_its_workers_counts_as_failed_with_the_reason(submitted):
    chunk = jobs.claim(submitted.pk)
    record_lost_chunk(chunk, "No worker survived.", timezone.now())
    chunk.refresh_from_db()
    session = jobs.finish(submitted)
    assert chunk.status == ChunkStatus.FAILED
    assert session.status == "complete"
    assert session.failed == 3 + chunk.stop - chunk.start
    assert "No worker survived." in {cause["message"] for cause in session.failures}


def test_when_the_database_refuses_the_counters_the_results_are_not_kept_either(submitted, monkeypatch):
    chunk = jobs.claim(submitted.pk)
    result = attempts.compute(chunk)

    def refuse(*args, **kwargs):
        raise OSError("no room")

    before = everything(submitted)
    monkeypatch.setattr(BatchSession, "save", refuse)
    with pytest.raises(OSError, match="no room"):
        jobs.record(chunk, result, timezone.now())
    assert everything(submitted) == before
