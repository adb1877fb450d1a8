"""An estimate stores nothing, refuses what a start refuses, and goes by what was measured."""

import pytest

from batches.errors import BatchError
from batches.models import BatchSession
from batches.running import estimating
from batches.sweep.start_request import parse_start
from batches.verdict.turns import SHORT_TURN_S, TURN_S
from batches.verdict_models import Verdict, VerdictStatus
from tests.support import jobs

pytestmark = pytest.mark.django_db


def test_an_estimate_stores_nothing_and_agrees_with_the_real_total(start, queued):
    body = start(parameterRanges={"fast": [5, 20, 40], "slow": [10, 30, 50]})
    estimate = estimating.estimate(parse_start(body))
    assert not BatchSession.objects.exists()
    assert not queued
    session = jobs.submit(body)
    assert estimate.total == session.total == 18
    assert estimate.excluded == 9
    assert estimate.seconds > 0
    assert estimate.bytes == sum(len(chunk.block) for chunk in jobs.finish(session).chunks.all())


def test_an_estimate_reads_of_the_instruments_what_a_plan_needs_and_no_more(start, django_assert_max_num_queries):
    asked = parse_start(start())
    with django_assert_max_num_queries(10) as queries:
        estimating.estimate(asked)
    of_instruments = [each["sql"] for each in queries if 'FROM "batches_instrument"' in each["sql"]]
    assert of_instruments
    assert not any("group" in each["sql"] for each in queries)
    assert not any("search" in sql or '"name"' in sql for sql in of_instruments)


def test_an_estimate_refuses_what_a_start_refuses(start, settings):
    settings.BATCH_MAX_COMBINATIONS = 5
    for body in (start(), start(symbols=["NONE"]), start(startDate="1990-01-01", endDate="1990-02-01")):
        with pytest.raises(BatchError):
            estimating.estimate(parse_start(body))


def test_the_estimate_goes_by_the_rate_of_the_newest_similar_batch(start, finished):
    before = estimating.estimate(parse_start(start())).seconds
    assert finished.work_rate > 0
    BatchSession.objects.filter(pk=finished.pk).update(work_rate=finished.work_total / 1_000)
    assert estimating.estimate(parse_start(start())).seconds > 100 * before


def test_a_verdict_that_is_being_computed_delays_a_batch(start, finished):
    Verdict.objects.update(status=VerdictStatus.READY)
    before = estimating.estimate(parse_start(start())).seconds
    Verdict.objects.update(status=VerdictStatus.RUNNING)
    assert before + SHORT_TURN_S / 2 <= estimating.estimate(parse_start(start())).seconds <= before + TURN_S / 2


@pytest.mark.parametrize(
    ("work_s", "waits", "ends"),
    [
        (1.0, [0.0], 1.0),
        (1.0, [0.0, 0.0], 0.5),
        (0.1, [0.05, 0.15], 0.15),  # it ends when the second worker comes
        (0.02, [0.05, 0.15], 0.07),
        (1.0, [0.05, 0.15], 0.6),
        (1.0, [0.05, 0.05, 0.15, 9.0], 1.25 / 3),
    ],
)
def test_work_is_shared_by_the_workers_that_have_time(work_s, waits, ends):
    assert estimating.shared_s(work_s, waits) == pytest.approx(ends)
    assert sum(max(0.0, ends - wait) for wait in waits) == pytest.approx(work_s)
