"""What watchers see while a worker decodes a long series."""

import pytest
from django.utils import timezone

from batches.models import BatchSession
from batches.prices import series
from batches.running import lifecycle, loading, worker
from batches.sweep.plan import plan_of
from tests.support import jobs
from tests.support.announcements import changes_are_announced


@pytest.fixture(autouse=True)
def long_series_without_a_cache(monkeypatch):
    monkeypatch.setattr(loading, "LONG", 100)
    monkeypatch.setattr(worker, "is_warm", lambda strategy: True)
    series.cache.clear()


def test_the_symbol_that_is_loaded_is_announced_until_its_first_result(submitted, settings):
    settings.EVENT_INTERVAL_S = 0
    with changes_are_announced(submitted.pk, events=2) as events:
        jobs.run(jobs.claim(submitted.pk))
    first, second = events
    assert (first["phase"], first["loading"]) == ("loading", {"symbol": "ACME", "number": 1, "total": 3})
    assert (second["phase"], "loading" in second) == ("testing", False)


def test_prices_in_memory_and_short_series_are_not_announced(submitted, settings, monkeypatch):
    settings.EVENT_INTERVAL_S = 0
    plan_of(submitted).prices(0)
    with changes_are_announced(submitted.pk, events=1):
        jobs.run(jobs.claim(submitted.pk))
    monkeypatch.setattr(loading, "LONG", 1_000)
    with changes_are_announced(submitted.pk, events=1):
        jobs.run(jobs.claim(submitted.pk))


def test_loading_is_announced_once_an_interval_and_never_after_the_end(submitted, settings):
    settings.EVENT_INTERVAL_S = 1_000
    jobs.claim(submitted.pk)
    session, now = jobs.reread(submitted), timezone.now()
    with changes_are_announced(submitted.pk, events=1):
        loading.announce_loading(session, 0, now)
        loading.announce_loading(session, 1, now)
    BatchSession.objects.update(published_at=None)
    lifecycle.cancel(submitted.pk, now)
    with changes_are_announced(submitted.pk, events=0):
        loading.announce_loading(session, 0, now)
