"""When the garbage collector runs: seldom over all watchers, but often enough."""

import gc
import weakref

import pytest

from batches.live import garbage, hub
from batches.live.garbage import FULL, YOUNG, CollectionSchedule
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
