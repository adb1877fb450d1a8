"""Old batches go by age, number or room; what runs, and what is within the limits, stays."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from batches.models import BatchSession, ResultChunk
from batches.results.blocks import result_bytes
from batches.running import watchdog
from tests.support import jobs

DAY = timedelta(days=1)


@pytest.fixture
def history(start):
    """Four batches, the oldest first: three ended 3, 2 and 1 days ago, one runs since 4 days."""
    running = jobs.submit(start(fees=0.009))
    sessions = [jobs.finish(jobs.submit(start(fees=fees))) for fees in (0.001, 0.002, 0.003)]
    now = timezone.now()
    for session, days in zip(sessions, (3, 2, 1), strict=True):
        BatchSession.objects.filter(pk=session.pk).update(created_at=now - days * DAY, ended_at=now - days * DAY)
    BatchSession.objects.filter(pk=running.pk).update(created_at=now - 4 * DAY)
    return [running, *sessions]


def prune(**options):
    said = io.StringIO()
    call_command("prune", stdout=said, **options)
    return said.getvalue()


def kept(history):
    there = set(BatchSession.objects.values_list("pk", flat=True))
    return [number for number, session in enumerate(history) if session.pk in there]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"older_than": 2.5}, [0, 2, 3]),
        ({"older_than": 0}, [0]),
        ({"keep_last": 1}, [0, 3]),
        ({"keep_last": 9}, [0, 1, 2, 3]),
        ({"older_than": 2.5, "keep_last": 1}, [0, 3]),
        ({"max_gb": 0}, [0]),
    ],
)
def test_what_is_over_a_limit_goes(history, options, left):
    prune(**options)
    assert kept(history) == left
    assert set(ResultChunk.objects.values_list("session", flat=True)) == {history[number].pk for number in left}


def test_the_oldest_go_until_the_rest_has_room(history):
    room = 2 * result_bytes(history[-1].current)
    prune(max_gb=room / 1e9)
    assert kept(history) == [0, 2, 3]
    assert sum(result_bytes(session.current) for session in BatchSession.objects.all()) == room


def test_a_dry_run_names_them_and_deletes_nothing(history):
    assert prune(older_than=2.5, dry_run=True).count("would delete") == 1
    assert kept(history) == [0, 1, 2, 3]


@pytest.mark.parametrize("options", [{}, {"keep_last": -1}, {"older_than": -2.0}])
def test_without_a_sensible_limit_nothing_goes(history, options):
    with pytest.raises(CommandError):
        prune(**options)
    assert kept(history) == [0, 1, 2, 3]


@pytest.mark.parametrize(("days", "left"), [(0, [0, 1, 2, 3]), (2, [0, 3])])
def test_the_watchdog_deletes_once_a_day_if_it_is_told_to(history, settings, days, left):
    settings.RETENTION_DAYS = days
    daily = watchdog.Daily()
    now = timezone.now()
    daily.prune(now, 1000.0)
    assert kept(history) == left
    BatchSession.objects.filter(pk=history[3].pk).update(ended_at=now - 9 * DAY)
    daily.prune(now, 1000.0 + 23 * 3600)
    assert kept(history) == left
    daily.prune(now, 1000.0 + 25 * 3600)
    assert kept(history) == ([0] if days else left)
