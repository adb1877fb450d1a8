"""A batch that asks for it ends when too large a share of its tests fails."""

import pytest

from batches.errors import InvalidRequest
from batches.running import worker
from tests.support import jobs

# CORE has too few bars for slow=70: a third of its tests fail.
FAILING = {"symbols": ["CORE"], "parameterRanges": {"fast": [3, 5, 8, 9], "slow": [10, 20, 70]}}


@pytest.fixture(autouse=True)
def _one_test_at_a_time(monkeypatch, settings):
    settings.CHUNK_TARGET_S = 1e-9
    monkeypatch.setattr(worker, "MAX_CLAIM", 1)


@pytest.mark.parametrize(
    ("share", "least", "status"),
    [(0.3, 1, "error"), (0.0, 1, "error"), (0.5, 12, "complete"), (1.0, 1, "complete"), (0.0, 100, "complete")],
)
def test_a_share_of_failures_ends_the_batch_once_enough_tests_are_done(start, share, least, status):
    session = jobs.submit(start(**FAILING, abortFailureShare=share, abortMinimumTests=least))
    session = jobs.finish(session)
    assert session.status == status
    assert (session.current < session.total) == (status == "error")


def test_the_error_names_the_rule_and_the_most_frequent_cause(start):
    session = jobs.finish(jobs.submit(start(**FAILING, abortFailureShare=0, abortMinimumTests=1)))
    assert session.error_code == "INTERNAL_ERROR"
    assert "abortFailureShare" in session.error
    assert "CORE has 60" in session.error


def test_without_a_rule_the_settings_decide_and_by_default_nothing_is_aborted(start, settings):
    assert jobs.finish(jobs.submit(start(**FAILING))).status == "complete"
    settings.BATCH_ABORT_FAILURE_SHARE, settings.BATCH_ABORT_MINIMUM_TESTS = 0.1, 3
    assert jobs.finish(jobs.submit(start(**FAILING))).status == "error"


@pytest.mark.parametrize("rule", [{"abortFailureShare": 1.1}, {"abortFailureShare": -1}, {"abortMinimumTests": 0}])
def test_a_rule_that_makes_no_sense_is_refused(start, rule):
    with pytest.raises(InvalidRequest):
        jobs.submit(start(**rule))
