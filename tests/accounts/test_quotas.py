"""Limits on the batches of one owner, independent of those of others."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from batches.errors import TooMany
from batches.models import BatchSession, DailyUse
from batches.running import lifecycle, retrying
from tests.support import jobs

pytestmark = pytest.mark.django_db


def test_the_active_batches_of_an_owner_are_limited(people, start, settings):
    settings.OWNER_MAX_RUNNING = 2
    first = jobs.submit(start(), owner=people["ann"])
    jobs.submit(start(), owner=people["ann"])
    with pytest.raises(TooMany, match=r"2 of your batches are active; at most 2 .*OWNER_MAX_RUNNING"):
        jobs.submit(start(), owner=people["ann"])
    jobs.submit(start(), owner=people["bob"])
    lifecycle.cancel(first.pk, timezone.now())
    jobs.submit(start(), owner=people["ann"])


def test_the_combinations_of_a_day_are_limited_also_after_deletions(people, start, settings):
    settings.OWNER_MAX_COMBINATIONS_PER_DAY = 60
    for _ in range(2):
        lifecycle.delete(jobs.finish(jobs.submit(start(), owner=people["ann"])).pk)
    with pytest.raises(
        TooMany, match=r"27 combinations on top of today's 54 .*OWNER_MAX_COMBINATIONS_PER_DAY"
    ) as caught:
        jobs.submit(start(), owner=people["ann"])
    assert 0 < int(caught.value.headers["Retry-After"]) <= 24 * 3600
    assert not BatchSession.objects.exists()
    assert DailyUse.objects.get().combinations == 54
    DailyUse.objects.update(day=datetime.now(UTC).date() - timedelta(days=1))
    jobs.submit(start(), owner=people["ann"])


def test_a_refused_batch_is_not_charged(people, start, settings):
    settings.OWNER_MAX_RUNNING = 0
    with pytest.raises(TooMany):
        jobs.submit(start(), owner=people["ann"])
    assert not DailyUse.objects.exists()


def test_a_retry_is_charged_for_what_is_left_to_run(people, start):
    ended = jobs.finish(jobs.submit(start(), owner=people["ann"]))
    again = retrying.retry(ended, now=timezone.now(), owner=people["olga"])
    assert again.owner == people["olga"]
    assert DailyUse.objects.get(owner=people["olga"]).combinations == ended.failed == 3


@pytest.mark.django_db(transaction=True)
def test_the_api_names_the_limit_and_when_to_retry(with_token, start, settings):
    settings.OWNER_MAX_RUNNING = 0
    answer = with_token("ann").post("/api/backtest/batch", start(), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "LIMIT_REACHED")
    assert "OWNER_MAX_RUNNING" in answer.json()["error"]
    assert answer["Retry-After"] == "5"
