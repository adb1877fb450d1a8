"""Somebody sets the clock: nothing expires early or late, nothing is counted twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from batches.models import BatchSession, ResultChunk
from batches.running import clock_jumps, lifecycle, submission, watchdog
from batches.running.clock_jumps import WallClock
from batches.sweep.progress import elapsed_seconds, remaining_seconds, with_sample
from batches.sweep.start_request import parse_start
from tests.support import jobs

HOUR = timedelta(hours=1)


def clock_that_has_looked(*watches):
    """Watchdogs' clocks that have seen the present state."""
    clocks = [WallClock() for _ in range(max(1, len(watches)) if watches else 1)]
    for clock in clocks:
        assert clock.check(timezone.now(), 100.0) is False
    return clocks


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_deadline_and_elapsed_time_move_with_the_clock(halfway, jump):
    (clock,) = clock_that_has_looked()
    deadline, elapsed = halfway.deadline_at, elapsed_seconds(halfway, timezone.now())
    later = timezone.now() + jump
    assert clock.check(later, 100.5) is True
    session = jobs.reread(halfway)
    assert abs(session.deadline_at - deadline - jump) < timedelta(seconds=1.5)
    assert abs(elapsed_seconds(session, later) - elapsed) < 1.5
    assert not lifecycle.expire(session, later)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_second_watchdog_does_not_move_them_again(halfway, jump):
    first, second = clock_that_has_looked("first", "second")
    later = timezone.now() + jump
    first.check(later, 100.5)
    moved = jobs.reread(halfway)
    second.check(later, 100.5)
    again = jobs.reread(halfway)
    assert (again.deadline_at, again.paused_s) == (moved.deadline_at, moved.paused_s)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_paused_batch_goes_on_with_the_time_it_had(halfway, jump):
    now = timezone.now()
    lifecycle.pause(halfway.pk, now)
    (clock,) = clock_that_has_looked()
    clock.check(timezone.now() + jump, 100.5)
    lifecycle.resume(halfway.pk, now + jump + timedelta(seconds=30))
    session = jobs.reread(halfway)
    left = session.deadline_at - (now + jump + timedelta(seconds=30))
    assert abs(left - (halfway.deadline_at - now)) < timedelta(seconds=1.5)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_claim_lasts_as_long_as_before(halfway, jump, settings):
    chunk = jobs.claim(halfway.pk)
    (clock,) = clock_that_has_looked()
    later = timezone.now() + jump
    clock.check(later, 100.5)
    assert ResultChunk.objects.get(pk=chunk.pk).lease_until == later + timedelta(seconds=settings.CHUNK_LEASE_S)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_batch_that_began_after_the_last_look_moves_too(db, start, jump):
    (clock,) = clock_that_has_looked()
    session = jobs.submit(start())
    clock.check(timezone.now() + jump, 100.5)
    assert abs(jobs.reread(session).deadline_at - session.deadline_at - jump) < timedelta(seconds=1.5)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_batch_that_began_after_the_jump_stays_as_it_is(db, start, jump):
    (clock,) = clock_that_has_looked()
    later = timezone.now() + jump
    session = submission.submit(parse_start(start()), now=later)
    clock.check(later, 100.5)
    assert jobs.reread(session).deadline_at == session.deadline_at


def test_a_slow_round_is_no_jump(halfway):
    (clock,) = clock_that_has_looked()
    assert clock.check(timezone.now() + timedelta(seconds=60), 160.0) is False
    assert jobs.reread(halfway).deadline_at == halfway.deadline_at


def test_the_estimate_forgets_samples_of_the_future(halfway):
    pace = with_sample([[1.0, 10.0], [2.0, 20.0], [3602.5, 25.0]], 3.0, 30.0)
    assert pace == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    halfway.pace = with_sample([[3600.0, 5.0]], 1.0, 10.0)
    assert remaining_seconds(halfway, timezone.now()) is None


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_batch_that_came_just_before_the_jump_is_moved_once_and_one_that_came_after_it_never(start, jump):
    first, second = clock_that_has_looked("first", "second")
    before = jobs.submit(start())
    later = timezone.now() + jump
    after = jobs.submission.submit(jobs.parse_start(start()), now=later)
    first.check(later, 100.5)
    second.check(later, 100.5)
    assert abs(jobs.reread(before).deadline_at - before.deadline_at - jump) < timedelta(seconds=1.5)
    assert jobs.reread(after).deadline_at == after.deadline_at


def test_a_worker_that_wrote_by_the_new_clock_is_not_moved_into_the_future(halfway, queued):
    """Else nobody would queue the batch again for an hour."""
    (clock,) = clock_that_has_looked()
    later = timezone.now() + HOUR
    BatchSession.objects.filter(pk=halfway.pk).update(worker_seen_at=later, turn_at=later)
    clock.check(later, 100.5)
    session = jobs.reread(halfway)
    assert session.worker_seen_at == session.turn_at == later
    watchdog.wake_if_unserved(later + timedelta(seconds=20))
    assert queued


def test_a_sighting_in_the_future_does_not_keep_a_batch_from_the_queue(halfway, queued):
    BatchSession.objects.filter(pk=halfway.pk).update(turn_at=timezone.now() + HOUR)
    watchdog.wake_if_unserved(timezone.now() + timedelta(seconds=20))
    assert queued


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_was_set_while_no_watchdog_ran_is_seen_by_the_next(halfway, tmp_path, jump):
    began = timezone.now() - 5 * HOUR  # long before the jump, in whatever direction
    BatchSession.objects.filter(pk=halfway.pk).update(created_at=began, deadline_at=began + 6 * HOUR)
    WallClock(tmp_path / "clock.json").check(timezone.now(), 100.0)
    later = timezone.now() + HOUR / 2 + jump
    following, another = WallClock(tmp_path / "clock.json"), WallClock(tmp_path / "clock.json")
    assert following.check(later, 1900.0) is True
    another.check(later, 1900.0)
    moved = jobs.reread(halfway).deadline_at - (began + 6 * HOUR)
    assert abs(moved - jump) < timedelta(seconds=1.5)
    assert WallClock(tmp_path / "clock.json").check(later, 1900.0) is False


def test_time_that_passed_while_no_watchdog_ran_is_no_jump(halfway, tmp_path):
    WallClock(tmp_path / "clock.json").check(timezone.now(), 100.0)
    assert WallClock(tmp_path / "clock.json").check(timezone.now() + HOUR, 3700.0) is False


def test_after_the_machine_has_started_again_there_is_nothing_to_compare(halfway, tmp_path, monkeypatch):
    WallClock(tmp_path / "clock.json").check(timezone.now(), 100.0)
    (tmp_path / "boot_id").write_text("another")
    monkeypatch.setattr(clock_jumps, "BOOT_ID", tmp_path / "boot_id")
    assert WallClock(tmp_path / "clock.json").check(timezone.now() + HOUR, 10.0) is False
    assert jobs.reread(halfway).deadline_at == halfway.deadline_at


def test_small_steps_of_the_clock_do_not_add_up_to_a_jump(halfway, tmp_path):
    clock = WallClock(tmp_path / "clock.json")
    for step in range(4):
        assert clock.check(timezone.now() + timedelta(seconds=step), 100.0) is False
    assert WallClock(tmp_path / "clock.json").check(timezone.now() + timedelta(seconds=3), 100.0) is False


@pytest.mark.parametrize("kept", ["", "{", "{}"])
def test_a_memory_that_cannot_be_read_is_none(halfway, tmp_path, kept):
    (tmp_path / "clock.json").write_text(kept)
    assert WallClock(tmp_path / "clock.json").check(timezone.now(), 100.0) is False
    assert halfway.pk.hex in (tmp_path / "clock.json").read_text()
