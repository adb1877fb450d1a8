"""When the garbage collector runs: seldom over all watchers, but often enough."""

import gc
import math
import weakref

import pytest

from batches.live import garbage, hub
from batches.live.garbage import FULL, YOUNG, CollectionSchedule, GrowthSchedule
from tests.support.watchers import wait_for

CROWD = 5_000


@pytest.fixture
def schedule():
    return CollectionSchedule()


def change(schedule, connections):
    for _ in range(connections):
        schedule.count_change()


def cycle():
    """An object that only the collector frees, and a weak reference to it."""
    thing = type("Thing", (), {})()
    thing.itself = thing
    return thing, weakref.ref(thing)


def test_nothing_is_collected_while_few_connections_have_changed(schedule):
    change(schedule, garbage.MIN_CHANGES - 1)
    assert [schedule.due(watchers) for watchers in (0, 0, CROWD, CROWD)] == [None] * 4


def test_new_objects_are_collected_when_an_arriving_crowd_has_settled(schedule):
    change(schedule, garbage.MIN_CHANGES)
    assert schedule.due(CROWD) is None
    change(schedule, garbage.MIN_CHANGES)
    assert schedule.due(CROWD) is None
    assert schedule.due(CROWD) == YOUNG
    assert schedule.due(CROWD) is None, "nothing has changed since"


def test_a_crowd_that_never_settles_has_its_new_objects_collected_within_limits(schedule):
    collected = []
    for _ in range(2 * garbage.BUSY_FACTOR):
        change(schedule, garbage.MIN_CHANGES)
        collected.append(schedule.due(CROWD))
    assert collected.count(YOUNG) == 2
    assert collected.count(None) == len(collected) - 2


def test_a_full_collection_follows_more_changes_than_there_are_watchers(schedule):
    change(schedule, garbage.MIN_CHANGES + CROWD)
    assert schedule.due(CROWD) == YOUNG, "connections still change"
    assert schedule.due(CROWD) == FULL
    change(schedule, garbage.MIN_CHANGES)
    schedule.due(CROWD)
    assert schedule.due(CROWD) == YOUNG, "it has started again from zero"


def test_a_crowd_that_has_left_is_collected_completely_at_once(schedule):
    change(schedule, CROWD)
    schedule.due(CROWD)
    change(schedule, CROWD)
    assert schedule.due(0) == FULL


def test_connections_that_open_and_close_without_end_are_collected_completely(schedule):
    collected = []
    for _ in range(4 * garbage.BUSY_FACTOR):
        change(schedule, garbage.MIN_CHANGES // 2)
        collected.append(schedule.due(garbage.MIN_CHANGES))
    assert collected.count(FULL) == 1
    change(schedule, garbage.BUSY_FACTOR * 2 * garbage.MIN_CHANGES)
    assert schedule.due(garbage.MIN_CHANGES) == FULL


async def test_a_full_collection_of_the_hub_skips_what_was_frozen_at_the_start(quick, monkeypatch):
    """To walk over all that is loaded takes far longer than over a few watchers, who would wait for it."""
    monkeypatch.setattr(garbage, "MIN_CHANGES", 0)
    loaded, frozen = cycle()
    gc.freeze()
    try:
        del loaded
        fresh, collected = cycle()
        gc.collect()  # moves it to the oldest generation, which only a full collection walks over
        del fresh
        hub.current_hub()
        await wait_for(lambda: collected() is None)
        assert frozen() is not None
    finally:
        gc.unfreeze()


MEBIBYTE = 2**20


def test_a_process_that_has_grown_is_collected_whatever_its_connections(monkeypatch):
    schedule = garbage.GrowthSchedule()
    sizes = [200, 180, 190, 180 + garbage.GROWTH_BYTES // MEBIBYTE]
    due = [schedule.due(size * MEBIBYTE, 0, now) for now, size in enumerate(sizes)]
    assert due == [False, False, False, True], "since it was smallest"


def test_a_process_that_stays_large_is_collected_more_and_more_seldom():
    schedule = garbage.GrowthSchedule()
    schedule.due(0, 0, 0)
    at = [now for now in range(1, 7_200) if schedule.due(500 * MEBIBYTE, 0, now)]
    assert at[0] == 1
    assert sum(now < 60 for now in at) >= 3, "what was in use at first may be garbage a minute later"
    assert sum(now >= 3_600 for now in at) <= 3_600 / garbage.MAX_PAUSE_S + 1


def test_a_process_that_was_small_again_is_collected_soon():
    schedule = garbage.GrowthSchedule()
    schedule.due(0, 0, 0)
    for now in range(1, 3_600):
        schedule.due(500 * MEBIBYTE, 0, now)
    schedule.due(0, 0, 4_300)
    at = [now for now in range(4_301, 4_400) if schedule.due(500 * MEBIBYTE, 0, now)]
    assert at[1] - at[0] <= garbage.PAUSE_S


@pytest.mark.parametrize("megabytes", [230, 700, 900])
def test_a_large_process_whose_size_changes_is_collected_within_a_minute_again(megabytes):
    schedule = garbage.GrowthSchedule()
    schedule.due(150 * MEBIBYTE, 0, 0)
    for now in range(1, 3_600):
        schedule.due((230 if megabytes == 700 else 700) * MEBIBYTE, 0, now)
    at = [now for now in range(3_600, 3_660) if schedule.due(megabytes * MEBIBYTE, 0, now)]
    assert len(at) >= 3


def test_a_crowd_may_grow_the_process_and_is_seldom_delayed():
    schedule = garbage.GrowthSchedule()
    schedule.due(0, 0, 0)
    assert not schedule.due(CROWD * garbage.GROWTH_BYTES_PER_WATCHER, CROWD, 1)
    assert schedule.due(400 * MEBIBYTE, CROWD, 2)
    schedule.due(0, CROWD, 3)
    assert not schedule.due(400 * MEBIBYTE, CROWD, 60)


async def test_the_hub_frees_what_grew_without_a_single_watcher(quick, monkeypatch):
    monkeypatch.setattr(hub, "COLLECT_S", 0.01)
    sizes = iter([0, garbage.GROWTH_BYTES])
    monkeypatch.setattr(hub, "own_bytes", lambda: next(sizes, 0))
    given_back = []
    monkeypatch.setattr(hub, "give_back", lambda: given_back.append(1))
    thing, collected = cycle()
    gc.collect()
    del thing
    hub.Hub()
    await wait_for(lambda: given_back)
    assert collected() is None


async def test_a_step_of_the_hub_that_fails_is_not_its_last(quick, monkeypatch, caplog):
    steps = []

    async def fail(_hub):
        steps.append(1)
        raise ValueError("one bad batch")

    for name in ("_poll", "_recheck", "_collect"):
        monkeypatch.setattr(hub.Hub, name, fail)
    for name in ("POLL_S", "RECHECK_S", "COLLECT_S"):
        monkeypatch.setattr(hub, name, 0.001)
    hub.Hub()
    await wait_for(lambda: len(steps) > 9)
    assert "one bad batch" in caplog.text


async def test_memory_is_given_back_again_when_requests_have_let_go_of_what_was_dropped(monkeypatch):
    dropped, given_back, now = [True, False, False, False], [], [100.0]
    monkeypatch.setattr(hub.cache.cache, "drop_unused", lambda _: dropped.pop(0))
    monkeypatch.setattr(hub, "give_back", lambda: given_back.append(now[0]))
    monkeypatch.setattr(hub.time, "monotonic", lambda: now[0])
    idle = object.__new__(hub.Hub)  # without its tasks
    idle.watchers, idle.settled_at = 0, math.inf
    idle.growth, idle.collections = GrowthSchedule(), CollectionSchedule()
    for now[0] in (100.0, 101.0, 101.0 + hub.SETTLE_S, 200.0):
        await idle._collect()
    assert given_back == [100.0, 101.0 + hub.SETTLE_S]
