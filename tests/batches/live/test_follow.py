"""Watching a batch: `follow`, at every moment of a batch's life.

There is no Redis here: what Redis would bring is handed to the hub by the tests, or lost.
"""

import asyncio
import contextlib
import itertools
import json
import time
import uuid

import pytest
from asgiref.sync import sync_to_async
from channels.layers import InMemoryChannelLayer
from django.db import OperationalError
from django.utils import timezone

from batches.errors import NotFound
from batches.live import follow, hub, reads, subscriptions
from batches.running import lifecycle
from batches.running.events import group_name
from batches.sweep.progress import newest_event
from tests.support import jobs
from tests.support.promised import promised
from tests.support.watchers import collect, finish, hint, judge, read_all, socket_of, stream, until_closed, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


async def by_socket(session):
    """(the last message, the close code) of a websocket."""
    communicator = socket_of(session)
    await communicator.connect()
    messages, code = await until_closed(communicator)
    await communicator.disconnect()
    return messages[-1], code


async def by_stream(session):
    """(the last message, None) of an event stream."""
    *_, kind, data = (await read_all(await stream(session.pk))).splitlines()[:-1]
    assert kind == "event: error"
    return json.loads(data.removeprefix("data: ")), None


async def test_a_watcher_that_comes_before_the_start_sees_everything_to_the_end(submitted, quick):
    watching = asyncio.create_task(collect(submitted.pk))
    await asyncio.sleep(0)
    await finish(submitted)
    bodies = judge(await watching)
    assert bodies[-1]["type"] == "complete"
    assert bodies[-1]["results"]["successfulRuns"] == 24


async def test_a_watcher_of_a_running_batch_sees_the_truth_at_once(halfway, worker, quick):
    bodies = judge(await collect(halfway.pk))
    assert bodies[0]["current"] >= halfway.current
    assert bodies[-1]["current"] == 27


@pytest.mark.parametrize("moment", ["before the row is read", "after the row is read"])
async def test_a_watcher_that_comes_just_when_the_batch_ends_gets_one_terminal_event(
    halfway, quick, monkeypatch, moment
):
    read_row = follow.first_events

    def end_meanwhile(*args):
        if moment == "before the row is read":
            jobs.finish(halfway)
        events = read_row(*args)
        jobs.finish(halfway)
        return events

    monkeypatch.setattr(follow, "first_events", end_meanwhile)
    events = await collect(halfway.pk)
    judge(events)
    assert [event.kind for event in events].count("complete") == 1


@pytest.mark.parametrize("ending", ["complete", "cancelled", "error"])
async def test_a_watcher_long_after_the_end_gets_the_snapshot_and_the_terminal_event(halfway, quick, ending):
    if ending == "complete":
        await finish(halfway)
    elif ending == "cancelled":
        await sync_to_async(lifecycle.cancel)(halfway.pk, timezone.now())
    else:
        await sync_to_async(lifecycle.expire)(halfway, halfway.deadline_at)
    events = await collect(halfway.pk)
    bodies = judge(events)
    assert [event.kind for event in events] == ["connected", "complete" if ending == "complete" else "error"]
    assert bodies[-1]["status"] == ending


async def test_every_late_watcher_gets_the_same_terminal_event(finished, quick):
    first, second = await collect(finished.pk), await collect(finished.pk)
    assert first[-1].sequence == second[-1].sequence == finished.sequence


async def test_an_unknown_batch_cannot_be_watched(db, quick):
    with pytest.raises(NotFound):
        await collect(uuid.uuid4())
    assert not hub.current_hub().watchers


async def test_a_client_that_has_seen_the_terminal_event_gets_nothing_more(finished, quick):
    assert await collect(finished.pk, after=finished.sequence) == []
    assert await collect(finished.pk, after=finished.sequence + 5) == []
    assert len(await collect(finished.pk, after=finished.sequence - 1)) == 2


async def test_without_any_hint_progress_arrives_by_the_database_within_three_seconds(submitted):
    async with asyncio.timeout(10), contextlib.aclosing(follow.follow(submitted.pk)) as events:
        assert (await anext(events)).kind == "connected"
        await sync_to_async(jobs.work_some)(submitted, 2)
        began = time.monotonic()
        assert (await anext(events)).kind == "progress"
        assert time.monotonic() - began < promised(3)
        await sync_to_async(lifecycle.cancel)(submitted.pk, timezone.now())
        began = time.monotonic()
        assert (await anext(events)).kind == "error"
        assert time.monotonic() - began < promised(3)


async def test_an_event_between_the_subscription_and_the_reading_of_the_row_is_not_lost(halfway, quick, monkeypatch):
    """Without the poll, which would find it in the database a moment later."""
    layer, ended = InMemoryChannelLayer(), []
    monkeypatch.setattr(hub, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(hub, "POLL_S", 1_000)

    def then_finish(function):
        async def wrapper(*args):
            result = await function(*args)
            if not ended:  # only the first of the two calls
                ended.append(hint(await finish(halfway)))
                event = {"session": halfway.pk.hex, "kind": ended[0].kind, "sequence": ended[0].sequence}
                message = event | {"text": ended[0].text, "sentAtMs": ended[0].sent_at_ms}
                await layer.group_send(group_name(halfway.pk), message)
            return result

        return wrapper

    monkeypatch.setattr(hub.Hub, "subscribed", then_finish(hub.Hub.subscribed))
    monkeypatch.setattr(follow, "read", then_finish(follow.read))
    assert judge(await collect(halfway.pk))[-1]["type"] == "complete"


async def test_hints_that_come_twice_late_or_in_disorder_do_no_harm(halfway, quick):
    old = [hint(halfway)]
    old += [hint(await sync_to_async(jobs.work_some)(halfway, 1)) for _ in range(3)]
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: hub.current_hub().watchers)
    for event in (old[3], old[1], old[3], old[0], old[2]):
        hub.current_hub().deliver(halfway.pk, event)
        await asyncio.sleep(0)
    ended = hint(await finish(halfway))
    for event in (ended, old[3], ended):
        hub.current_hub().deliver(halfway.pk, event)
    events = await watching
    judge(events)
    assert (events[-1].kind, events[-1].sequence) == (ended.kind, ended.sequence)


async def test_progress_comes_at_most_every_interval_and_the_terminal_event_immediately(halfway, settings):
    settings.EVENT_INTERVAL_S = 0.2
    body = newest_event(halfway, timezone.now())
    began = time.monotonic()
    received = []

    async def watch():
        async with contextlib.aclosing(follow.follow(halfway.pk)) as events:
            async for event in events:
                received.append((time.monotonic() - began, event))  # noqa: PERF401 - seen from outside, one by one

    watching = asyncio.create_task(watch())
    await wait_for(lambda: received)
    for number in range(1, 120):  # about a hundred hints in a second
        hub.current_hub().deliver(halfway.pk, reads.as_event(body | {"sequence": halfway.sequence + number}))
        await asyncio.sleep(0.005)
    last = reads.as_event(body | {"sequence": halfway.sequence + 1_000, "type": "complete"})
    ended = time.monotonic() - began
    hub.current_hub().deliver(halfway.pk, last)
    await asyncio.wait_for(watching, 5)
    instants = [instant for instant, event in received if event.kind == "progress"]
    assert 3 <= len(instants) <= 2 + ended / 0.2
    assert all(later - earlier > 0.18 for earlier, later in itertools.pairwise(instants))
    assert received[-1][1] == last
    assert received[-1][0] - ended < promised(0.15)


async def test_the_terminal_event_is_never_held_back(halfway, settings):
    settings.EVENT_INTERVAL_S = 1_000
    body = newest_event(halfway, timezone.now())
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: hub.current_hub().batches)
    await wait_for(lambda: next(iter(hub.current_hub().batches[halfway.pk].watchers)).sequence == halfway.sequence)
    for number, kind in enumerate(["progress", "progress", "progress", "complete"], 1):
        event = reads.as_event(body | {"sequence": halfway.sequence + number, "type": kind})
        hub.current_hub().deliver(halfway.pk, event)
    assert (await watching)[-1].sequence == halfway.sequence + 4


async def test_a_slow_reader_gets_the_newest_only_and_never_misses_the_end(halfway, quick, settings):
    settings.EVENT_INTERVAL_S = 0
    body = newest_event(halfway, timezone.now())
    async with asyncio.timeout(10), contextlib.aclosing(follow.follow(halfway.pk)) as events:
        await anext(events)
        for number in range(1, 51):
            hub.current_hub().deliver(halfway.pk, reads.as_event(body | {"sequence": halfway.sequence + number}))
        assert (await anext(events)).sequence == halfway.sequence + 50
        for number, kind in ((51, "progress"), (52, "complete"), (50, "progress")):
            event = reads.as_event(body | {"sequence": halfway.sequence + number, "type": kind})
            hub.current_hub().deliver(halfway.pk, event)
        assert (await anext(events)).sequence == halfway.sequence + 52
        assert [event async for event in events] == []


async def test_a_quiet_stream_has_a_heartbeat(halfway, monkeypatch):
    monkeypatch.setattr(subscriptions, "HEARTBEAT_S", 0.02)
    async with asyncio.timeout(10), contextlib.aclosing(follow.follow(halfway.pk)) as events:
        assert (await anext(events)).kind == "connected"
        assert [await anext(events) for _ in range(3)] == [None, None, None]


async def test_leaving_frees_the_hub(halfway, quick):
    streams = [follow.follow(halfway.pk) for _ in range(5)]
    for events in streams:
        await anext(events)
    assert len(hub.current_hub().batches[halfway.pk].watchers) == 5
    for left, events in enumerate(streams, 1):
        await events.aclose()
        assert hub.current_hub().watchers == 5 - left
    assert not hub.current_hub().watchers
    assert not hub.current_hub().batches


async def test_a_watcher_that_is_cut_off_while_it_waits_frees_the_hub(halfway, quick):
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: hub.current_hub().watchers)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert not hub.current_hub().watchers


async def test_a_crowd_has_seen_the_end_before_the_first_connection_closes(halfway, quick):
    kinds = []

    async def watch():
        nonlocal kinds
        async for event in follow.follow(halfway.pk):
            if event is not None:
                kinds += [event.kind]
        kinds += ["left"]

    crowd = [asyncio.create_task(watch()) for _ in range(30)]
    await wait_for(lambda: kinds.count("connected") == 30)
    await sync_to_async(lifecycle.cancel)(halfway.pk, timezone.now())
    await asyncio.gather(*crowd)
    assert kinds[-60:] == ["error"] * 30 + ["left"] * 30


async def test_watchers_of_two_batches_see_their_own_only(start, worker, quick):
    sessions = [await sync_to_async(jobs.submit)(start(fees=fees)) for fees in (0.001, 0.002)]
    subscriptions = await asyncio.gather(*(collect(session.pk) for session in sessions for _ in range(3)))
    for number, events in enumerate(subscriptions):
        assert {body["sessionId"] for body in judge(events)} == {str(sessions[number // 3].pk)}


async def test_a_database_that_is_away_for_a_moment_is_asked_again(halfway, quick, monkeypatch):
    newer, failures = hub.newer_events, [OperationalError("locked"), OperationalError("locked")]

    def sometimes(known):
        if failures:
            raise failures.pop()
        return newer(known)

    monkeypatch.setattr(hub, "newer_events", sometimes)
    watching = asyncio.create_task(collect(halfway.pk))
    async with asyncio.timeout(5):
        while failures:
            await asyncio.sleep(0.01)
    await finish(halfway)
    judge(await watching)


@pytest.mark.parametrize("open_it", [by_socket, by_stream])
async def test_watchers_of_a_deleted_batch_get_an_error(halfway, finished, quick, open_it):
    """Its last event was lost on the way, and now there is no row to say it again."""
    watching = asyncio.create_task(open_it(halfway))
    await wait_for(lambda: hub.current_hub().watchers == 1)
    other = asyncio.create_task(collect(finished.pk))
    await sync_to_async(halfway.delete)()
    last, code = await asyncio.wait_for(watching, 10)
    assert (last["type"], last["success"], last["code"]) == ("error", False, "NOT_FOUND")
    assert code == (4404 if open_it is by_socket else None)
    judge(await other)
    assert not hub.current_hub().watchers


async def test_a_row_that_was_missed_once_ends_no_stream(halfway, quick, monkeypatch):
    newer, rounds = hub.newer_events, iter([[(halfway.pk, None)]] * 3)
    monkeypatch.setattr(hub, "newer_events", lambda known: next(rounds, None) or newer(known))
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: next(rounds, None) is None)
    await finish(halfway)
    judge(await watching)
