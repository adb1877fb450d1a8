"""An estimate rests on a similar batch that was measured here, or says that there is none."""

import pytest

from batches.models import BatchSession
from batches.running import estimating
from batches.sweep import rates
from batches.sweep.start_request import parse_start
from batches.verdict_models import Verdict
from tests.support import jobs


@pytest.fixture
def measured(start):
    session = jobs.finish(jobs.submit(start()))
    BatchSession.objects.filter(pk=session.pk).update(work_rate=1_000.0)
    return session


def rate(body):
    return rates.measured_rate(parse_start(body), [400, 380, 60])


def test_the_same_request_has_the_rate_that_was_measured(start, measured):
    assert rate(start()) == 1_000.0


@pytest.mark.parametrize(
    "changes",
    [
        {"fees": 0.01, "sortBy": "calmar", "initialCapital": 5.0},
        {"parameterRanges": {"fast": [4, 6], "slow": [25, 30, 40]}},
        {"symbols": ["ACME"]},
    ],
)
def test_a_similar_request_has_it_too(start, measured, changes):
    assert rate(start(**changes)) == 1_000.0


@pytest.mark.parametrize(
    "changes",
    [
        {"direction": "both"},
        {"wholeShares": True},
        {"parameterRanges": {"fast": [3, 5, 8], "slow": [100, 200, 300]}},
        {"strategy": "momentum", "parameterRanges": {}},
    ],
)
def test_another_shape_is_not_known(start, measured, changes):
    assert rate(start(**changes)) is None


def test_a_shape_on_much_longer_histories_is_not_known(start, measured):
    assert rates.measured_rate(parse_start(start()), [9_000]) is None


def test_an_estimate_says_whether_it_was_measured(start, measured):
    Verdict.objects.all().delete()  # else workers would be busy with it
    known = estimating.estimate(parse_start(start()))
    guess = estimating.estimate(parse_start(start(direction="both")))
    assert (known.is_measured, guess.is_measured) == (True, False)
    assert known.seconds == pytest.approx(
        estimating.OVERHEAD_S + 9 * (400 + 380 + 60) / 1_000.0 / rates.workers(), abs=0.001
    )
    assert guess.seconds > 0
