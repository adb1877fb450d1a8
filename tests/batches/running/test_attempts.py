"""Attempts at a chunk: what fails is given back or counted, and nobody else is blamed for it."""

import contextlib

import pytest
import structlog
from django.db import OperationalError, connection

from batches.models import ChunkStatus, ResultChunk
from batches.running import attempts, worker
from tests.support import jobs


def test_when_one_chunk_of_a_claim_fails_the_others_are_recorded(submitted, monkeypatch):
    claimed = worker.claim(submitted.pk).chunks
    run_slice = attempts.run_slice

    def broken_at_the_first(grid, prices, start, *args, **kwargs):
        if start == claimed[0].start:
            raise ZeroDivisionError
        return run_slice(grid, prices, start, *args, **kwargs)

    monkeypatch.setattr(attempts, "run_slice", broken_at_the_first)
    attempts.run(claimed)
    statuses = dict(submitted.chunks.values_list("pk", "status"))
    assert statuses[claimed[0].pk] == ChunkStatus.WAITING
    assert {statuses[chunk.pk] for chunk in claimed[1:]} == {ChunkStatus.DONE}


@pytest.mark.parametrize("error", [ZeroDivisionError, MemoryError, KeyboardInterrupt, SystemExit])
def test_a_chunk_whose_worker_stumbles_is_given_back(submitted, monkeypatch, error):
    def stumble(*args, **kwargs):
        raise error

    chunk = jobs.claim(submitted.pk)
    monkeypatch.setattr(attempts, "run_slice", stumble)
    with pytest.raises(error) if not issubclass(error, Exception) else contextlib.nullcontext():
        jobs.run(chunk)
    chunk.refresh_from_db()
    assert (chunk.status, chunk.lease_until) == (ChunkStatus.WAITING, None)
    monkeypatch.undo()
    assert jobs.finish(submitted).successful == 24


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("database is locked"), SystemExit()])
def test_an_attempt_that_failed_for_another_reason_does_not_count_against_the_chunk(submitted, monkeypatch, error):
    def refuse(*args):
        raise error

    monkeypatch.setattr(attempts, "store_chunks", refuse)
    chunk = jobs.claim(submitted.pk)
    assert chunk.attempt == 1
    with pytest.raises(type(error)):
        jobs.run(chunk)
    chunk.refresh_from_db()
    assert (chunk.status, chunk.attempt) == (ChunkStatus.WAITING, 0)


def test_a_chunk_that_fails_in_every_attempt_is_counted_as_failed_and_the_batch_goes_on(submitted, monkeypatch):
    run_slice = attempts.run_slice

    def broken_at_the_first(grid, prices, start, *args, **kwargs):
        if start == 0:
            raise ZeroDivisionError("float division by zero")
        return run_slice(grid, prices, start, *args, **kwargs)

    monkeypatch.setattr(attempts, "run_slice", broken_at_the_first)
    session = jobs.finish(submitted)
    size = session.chunks.get(start=0).stop
    assert (session.status, session.current) == ("complete", 27)
    assert {"ZeroDivisionError: float division by zero (3 attempts)": size}.items() <= {
        cause["message"]: cause["count"] for cause in session.failures
    }.items()


def test_releasing_does_not_take_a_chunk_from_its_next_owner(submitted):
    chunk = jobs.claim(submitted.pk)
    ResultChunk.objects.filter(pk=chunk.pk).update(claimed_by="other:1")
    attempts.release(chunk)
    assert ResultChunk.objects.get(pk=chunk.pk).status == ChunkStatus.RUNNING


def test_no_transaction_is_open_while_the_engine_computes(submitted, monkeypatch):
    depth = len(connection.savepoint_ids)  # the test's own transaction
    run_slice, seen = attempts.run_slice, []

    def look(*args, **kwargs):
        seen.append(len(connection.savepoint_ids))
        return run_slice(*args, **kwargs)

    monkeypatch.setattr(attempts, "run_slice", look)
    jobs.finish(submitted)
    assert set(seen) == {depth}


def test_lines_of_the_log_about_a_chunk_name_its_batch(submitted, monkeypatch):
    def note(*arguments, **options):
        seen.append(structlog.contextvars.get_contextvars()["session"])
        return run_slice(*arguments, **options)

    seen, run_slice = [], attempts.run_slice
    monkeypatch.setattr(attempts, "run_slice", note)
    jobs.finish(submitted)
    assert set(seen) == {str(submitted.pk)}


def test_a_claim_that_takes_too_long_gives_the_rest_back(submitted, monkeypatch):
    now, compute = 0.0, attempts.compute

    def slow(chunk):
        nonlocal now
        now += 0.6 * attempts.LONGEST_CLAIM_S
        return compute(chunk)

    chunks = worker.claim(submitted.pk).chunks
    assert len(chunks) > 3
    monkeypatch.setattr(attempts, "compute", slow)
    monkeypatch.setattr(attempts.time, "monotonic", lambda: now)
    attempts.run(chunks)
    rows = list(submitted.chunks.order_by("position").values_list("status", "attempt", "lease_until"))
    done, waiting = rows[:2], rows[2:]
    assert [status for status, _, _ in done] == [ChunkStatus.DONE] * 2
    assert waiting == [(ChunkStatus.WAITING, 0, None)] * len(waiting), "no attempt is counted"
    monkeypatch.undo()
    assert jobs.finish(submitted).status == "complete"
