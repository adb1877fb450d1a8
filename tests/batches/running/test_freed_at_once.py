"""Batch and verdict are freed when a worker is done with them: in cycles they would stay until a full collection."""

import contextlib
import gc

import pytest
from django.db.models import Model

from batches import tasks
from batches.models import BatchSession
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs

pytestmark = pytest.mark.usefixtures("queued", "published")
REQUEST = {"strategy": "sma_cross", "symbols": ["WALK"], "parameterRanges": {"fast": [3, 5], "slow": [20, 30]}}


@contextlib.contextmanager
def unfreed():
    """The rows of the database in cycles that nobody refers to any more, after the block."""
    rows = []
    gc.collect()
    gc.disable()
    try:
        yield rows
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        rows += [thing for thing in gc.garbage if isinstance(thing, Model)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def of_batch(rows, session_id):
    """Those of the batch: what earlier tests have left may become free at any time."""
    return [row for row in rows if session_id in (row.pk, getattr(row, "session_id", None))]


@pytest.fixture
def market(db):
    store_prices("WALK", walk(11))
    to_the_verdict()  # compiles kernels: Numba keeps the frames of its callers, and what it needs must not be collected


def test_cycles_are_noticed(market):
    with unfreed() as rows:
        session = jobs.submit(REQUEST)
        session.itself, session_id = session, session.pk
        del session
    assert len(of_batch(rows, session_id)) == 1


def test_a_batch_and_its_verdict_leave_no_row_in_a_cycle(market):
    with unfreed() as rows:
        session_id = to_the_verdict()
    assert not of_batch(rows, session_id)


def to_the_verdict():
    session_id = jobs.submit(REQUEST).pk
    judge(jobs.finish(BatchSession.objects.get(pk=session_id)))
    return session_id


def test_what_a_worker_has_loaded_before_it_forks_is_not_walked_over(monkeypatch):
    monkeypatch.setattr(tasks, "warm_up", lambda: None)
    monkeypatch.setattr(tasks.counters, "start_exporter", lambda: None)
    try:
        tasks.compile_before_fork()
        assert len(gc.get_objects()) < 1_000 < gc.get_freeze_count()
    finally:
        gc.unfreeze()
