"""Watching a batch: `follow`, the websocket and the event stream, at every moment of a batch's life.

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
from channels.testing import WebsocketCommunicator
from django.db import OperationalError
from django.test import AsyncClient
from django.utils import timezone

from backtester.asgi import application
from batches import hub, lifecycle, live, watched
from batches.errors import NotFound
from batches.models import BatchSession
from batches.progress import newest_event

from . import working
from .test_progress import CONTRACT

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = "/api/backtest/batch/stream"


@pytest.fixture
def quick(monkeypatch, settings):
    """The rows are read every few milliseconds, and nothing is held back for long."""
    monkeypatch.setattr(hub, "POLL_S", 0.02)
    settings.EVENT_INTERVAL_S = 0.01


async def collect(session_id, **given):
    """All events of a batch until its stream ends, heartbeats left out."""
    async with asyncio.timeout(20), contextlib.aclosing(live.follow(session_id, **given)) as events:
        return [event async for event in events if event is not None]


def judge(events):
    """What holds for every watcher, whenever it came."""
    assert events[0].kind == "connected"
    assert events[-1].is_terminal
    assert [event.kind for event in events[1:-1]] == ["progress"] * (len(events) - 2)
    sequences = [event.sequence for event in events]
    assert all(later > earlier for earlier, later in itertools.pairwise(sequences))
    bodies = [json.loads(event.text) for event in events]
    assert all(set(body) >= CONTRACT for body in bodies)
    percentages = [body["percentage"] for body in bodies]
    assert percentages == sorted(percentages)
    return bodies


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


def finish(session):
    return sync_to_async(working.finish)(session)


def hint(session):
    """What the channel layer would bring now."""
    return live.as_event(newest_event(session, timezone.now()))


# ---- follow, at every moment of a batch's life -----------------------------------------------------------------------


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
    read_row = live.first_events

    def end_meanwhile(*given):
        if moment == "before the row is read":
            working.finish(halfway)
        events = read_row(*given)
        working.finish(halfway)
        return events

    monkeypatch.setattr(live, "first_events", end_meanwhile)
    events = await collect(halfway.pk)
    judge(events)
    assert [event.kind for event in events].count("complete") == 1


@pytest.mark.parametrize("ending", ["complete", "cancelled", "error"])
async def test_a_watcher_that_comes_long_after_the_end_gets_the_snapshot_and_the_terminal_event(halfway, quick, ending):
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


async def test_nobody_can_watch_a_batch_that_there_is_not(db, quick):
    with pytest.raises(NotFound):
        await collect(uuid.uuid4())
    assert not live.hub().watchers


async def test_who_has_seen_the_terminal_event_gets_nothing_more(finished, quick):
    assert await collect(finished.pk, after=finished.sequence) == []
    assert await collect(finished.pk, after=finished.sequence + 5) == []
    assert len(await collect(finished.pk, after=finished.sequence - 1)) == 2


async def test_without_any_hint_progress_arrives_by_the_database_within_three_seconds(submitted):
    async with asyncio.timeout(10), contextlib.aclosing(live.follow(submitted.pk)) as events:
        assert (await anext(events)).kind == "connected"
        await sync_to_async(working.work_some)(submitted, 2)
        began = time.monotonic()
        assert (await anext(events)).kind == "progress"
        assert time.monotonic() - began < 3
        await sync_to_async(lifecycle.cancel)(submitted.pk, timezone.now())
        began = time.monotonic()
        assert (await anext(events)).kind == "error"
        assert time.monotonic() - began < 3


async def test_hints_that_come_twice_late_or_in_disorder_do_no_harm(halfway, quick):
    old = [hint(halfway)]
    old += [hint(await sync_to_async(working.work_some)(halfway, 1)) for _ in range(3)]
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: live.hub().watchers)
    for event in (old[3], old[1], old[3], old[0], old[2]):
        live.hub().deliver(halfway.pk, event)
        await asyncio.sleep(0)
    ended = hint(await finish(halfway))
    for event in (ended, old[3], ended):
        live.hub().deliver(halfway.pk, event)
    events = await watching
    judge(events)
    assert (events[-1].kind, events[-1].sequence) == (ended.kind, ended.sequence)


async def wait_for(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_progress_comes_at_most_every_interval_and_the_terminal_event_is_not_held_back(halfway, settings):
    settings.EVENT_INTERVAL_S = 0.2
    body = newest_event(halfway, timezone.now())
    began = time.monotonic()
    received = []

    async def watch():
        async with contextlib.aclosing(live.follow(halfway.pk)) as events:
            async for event in events:
                received.append((time.monotonic() - began, event))  # noqa: PERF401 - seen from outside, one by one

    watching = asyncio.create_task(watch())
    await wait_for(lambda: received)
    for number in range(1, 120):  # about a hundred hints in a second
        live.hub().deliver(halfway.pk, live.as_event(body | {"sequence": halfway.sequence + number}))
        await asyncio.sleep(0.005)
    last = live.as_event(body | {"sequence": halfway.sequence + 1_000, "type": "complete"})
    ended = time.monotonic() - began
    live.hub().deliver(halfway.pk, last)
    await asyncio.wait_for(watching, 5)
    instants = [instant for instant, event in received if event.kind == "progress"]
    assert 3 <= len(instants) <= 2 + ended / 0.2
    assert all(later - earlier > 0.18 for earlier, later in itertools.pairwise(instants))
    assert received[-1][1] == last
    assert received[-1][0] - ended < 0.15


async def test_the_terminal_event_is_never_held_back(halfway, settings):
    settings.EVENT_INTERVAL_S = 1_000
    body = newest_event(halfway, timezone.now())
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: live.hub().batches)
    await wait_for(lambda: next(iter(live.hub().batches[halfway.pk].watchers)).sequence == halfway.sequence)
    for number, kind in enumerate(["progress", "progress", "progress", "complete"], 1):
        event = live.as_event(body | {"sequence": halfway.sequence + number, "type": kind})
        live.hub().deliver(halfway.pk, event)
    assert (await watching)[-1].sequence == halfway.sequence + 4


async def test_a_slow_reader_gets_the_newest_only_and_never_misses_the_end(halfway, quick, settings):
    settings.EVENT_INTERVAL_S = 0
    body = newest_event(halfway, timezone.now())
    async with asyncio.timeout(10), contextlib.aclosing(live.follow(halfway.pk)) as events:
        await anext(events)
        for number in range(1, 51):
            live.hub().deliver(halfway.pk, live.as_event(body | {"sequence": halfway.sequence + number}))
        assert (await anext(events)).sequence == halfway.sequence + 50
        for number, kind in ((51, "progress"), (52, "complete"), (50, "progress")):
            event = live.as_event(body | {"sequence": halfway.sequence + number, "type": kind})
            live.hub().deliver(halfway.pk, event)
        assert (await anext(events)).sequence == halfway.sequence + 52
        assert [event async for event in events] == []


async def test_a_quiet_stream_has_a_heartbeat(halfway, monkeypatch):
    monkeypatch.setattr(watched, "HEARTBEAT_S", 0.02)
    async with asyncio.timeout(10), contextlib.aclosing(live.follow(halfway.pk)) as events:
        assert (await anext(events)).kind == "connected"
        assert [await anext(events) for _ in range(3)] == [None, None, None]


async def test_leaving_frees_the_hub(halfway, quick):
    streams = [live.follow(halfway.pk) for _ in range(5)]
    for stream in streams:
        await anext(stream)
    assert len(live.hub().batches[halfway.pk].watchers) == 5
    for left, stream in enumerate(streams, 1):
        await stream.aclose()
        assert live.hub().watchers == 5 - left
    assert not live.hub().watchers
    assert not live.hub().batches


async def test_a_watcher_that_is_cut_off_while_it_waits_frees_the_hub(halfway, quick):
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: live.hub().watchers)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert not live.hub().watchers


async def test_a_crowd_has_seen_the_end_before_the_first_of_it_is_let_go(halfway, quick):
    told = []

    async def watch():
        nonlocal told
        async for event in live.follow(halfway.pk):
            if event is not None:
                told += [event.kind]
        told += ["left"]

    crowd = [asyncio.create_task(watch()) for _ in range(30)]
    await wait_for(lambda: told.count("connected") == 30)
    await sync_to_async(lifecycle.cancel)(halfway.pk, timezone.now())
    await asyncio.gather(*crowd)
    assert told[-60:] == ["error"] * 30 + ["left"] * 30


async def test_while_a_crowd_comes_only_what_is_new_is_collected(quick, monkeypatch):
    """And everything once more have come and gone than are here."""
    monkeypatch.setattr(hub, "COLLECT_AFTER", 5)
    rounds, ours = [], live.hub()
    monkeypatch.setattr(hub.gc, "collect", lambda generation=2: rounds.append(generation))
    with contextlib.ExitStack() as crowd:
        for _ in range(12):
            crowd.enter_context(ours.watching(uuid.uuid4()))
            ours._collect()
        assert rounds == [1, 1]
    ours._collect()
    assert rounds == [1, 1, 2]
    assert ours.turnover == 0


async def test_watchers_of_two_batches_see_their_own_only(start, worker, quick):
    sessions = [await sync_to_async(working.submit)(start(fees=fees)) for fees in (0.001, 0.002)]
    watched = await asyncio.gather(*(collect(session.pk) for session in sessions for _ in range(3)))
    for number, events in enumerate(watched):
        assert {body["sessionId"] for body in judge(events)} == {str(sessions[number // 3].pk)}


async def test_a_database_that_is_away_for_a_moment_is_asked_again(halfway, quick, monkeypatch):
    newer, failures = live.newer_events, [OperationalError("locked"), OperationalError("locked")]

    def sometimes(known):
        if failures:
            raise failures.pop()
        return newer(known)

    monkeypatch.setattr(live, "newer_events", sometimes)
    watching = asyncio.create_task(collect(halfway.pk))
    async with asyncio.timeout(5):
        while failures:
            await asyncio.sleep(0.01)
    await finish(halfway)
    judge(await watching)


@pytest.mark.parametrize("open_it", [by_socket, by_stream])
async def test_whoever_watches_a_batch_that_is_deleted_is_told_so(halfway, finished, quick, open_it):
    """Its last event was lost on the way, and now there is no row to say it again."""
    watching = asyncio.create_task(open_it(halfway))
    await wait_for(lambda: live.hub().watchers == 1)
    other = asyncio.create_task(collect(finished.pk))
    await sync_to_async(halfway.delete)()
    last, code = await asyncio.wait_for(watching, 10)
    assert (last["type"], last["success"], last["code"]) == ("error", False, "NOT_FOUND")
    assert code == (4404 if open_it is by_socket else None)
    judge(await other)
    assert not live.hub().watchers


async def test_a_row_that_was_missed_once_ends_no_stream(halfway, quick, monkeypatch):
    newer, rounds = live.newer_events, iter([[(halfway.pk, None)]] * 3)
    monkeypatch.setattr(live, "newer_events", lambda known: next(rounds, None) or newer(known))
    watching = asyncio.create_task(collect(halfway.pk))
    await wait_for(lambda: next(rounds, None) is None)
    await finish(halfway)
    judge(await watching)


# ---- the websocket ---------------------------------------------------------------------------------------------------


def socket(path, origin=None, host=b"localhost"):
    headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])
    return WebsocketCommunicator(application, path, headers=headers)


def socket_of(session, **given):
    return socket(f"/ws/backtest/batch/{session.pk}/", **given)


async def until_closed(communicator):
    """([messages], close code)."""
    messages = []
    while True:
        sent = await communicator.receive_output(timeout=10)
        if sent["type"] == "websocket.close":
            return messages, sent["code"]
        messages.append(json.loads(sent["text"]))


async def test_a_websocket_gets_every_event_and_is_closed_after_the_last(submitted, worker, quick):
    communicator = socket_of(submitted)
    assert (await communicator.connect())[0]
    messages, code = await until_closed(communicator)
    assert code == 1000
    assert [messages[0]["type"], messages[-1]["type"]] == ["connected", "complete"]
    assert sum(message["type"] in {"complete", "error"} for message in messages) == 1
    await communicator.disconnect()
    assert not live.hub().watchers


TEXTS = (
    "", "null", "NaN", "1e400", '{"type": "ping"', '{"type": {"type": "ping"}}', "[" * 5_000, "9" * 5_000,
    '{"type": "websocket.disconnect"}', '{"type": "cancel"}', '{"sessionId": "x"}', "x" * 100_000, "\x00",
)  # fmt: skip
HOSTILE_FRAMES = [{"text": text} for text in TEXTS] + [{"bytes": data} for data in (b"", b"\xff\xfe", b"x" * 100_000)]


@pytest.mark.parametrize("frame", HOSTILE_FRAMES, ids=range(len(HOSTILE_FRAMES)))
async def test_whatever_a_client_sends_it_goes_on_watching_and_nothing_changes(halfway, quick, frame):
    before = await BatchSession.objects.values().aget(pk=halfway.pk)
    communicator = socket_of(halfway)
    assert (await communicator.connect())[0]
    for _ in range(3):
        await communicator.send_input({"type": "websocket.receive"} | frame)
    assert await BatchSession.objects.values().aget(pk=halfway.pk) == before
    await finish(halfway)
    messages, code = await until_closed(communicator)
    assert [message["type"] for message in messages if message["type"] != "progress"] == ["connected", "complete"]
    assert code == 1000


async def test_a_websocket_that_comes_long_after_the_end_gets_snapshot_and_end(finished, quick):
    communicator = socket_of(finished)
    assert (await communicator.connect())[0]
    messages, code = await until_closed(communicator)
    assert ([message["type"] for message in messages], code) == (["connected", "complete"], 1000)


@pytest.mark.parametrize(
    "path",
    ["/ws/backtest/batch/00000000-0000-4000-8000-000000000000/", "/ws/backtest/batch/nonsense/", "/ws/nothing", "/"],
)
async def test_a_websocket_to_nothing_gets_a_typed_error_and_its_own_close_code(db, quick, path):
    communicator = socket(path)
    assert (await communicator.connect())[0]
    messages, code = await until_closed(communicator)
    assert code == 4404
    assert [(message["success"], message["code"]) for message in messages] == [(False, "NOT_FOUND")]


@pytest.mark.parametrize(
    ("origin", "host"),
    [(b"http://evil.example", b"localhost"), (b"null", b"localhost"), (b"http://localhost:9", b"localhost:8"),
     (b"http://evil.example", b"evil.example"), (None, b"evil.example"), (b"x", b"")],
)  # fmt: skip
async def test_a_websocket_from_a_foreign_page_or_for_a_foreign_host_is_refused(finished, origin, host):
    connected, _ = await socket_of(finished, origin=origin, host=host).connect()
    assert not connected
    assert not live.hub().watchers


@pytest.mark.parametrize("origin", [None, b"http://localhost", b"https://localhost"])
async def test_a_websocket_from_our_own_page_or_from_a_program_is_welcome(finished, quick, origin):
    assert (await socket_of(finished, origin=origin).connect())[0]


async def test_a_websocket_answers_pings_and_ignores_what_it_does_not_know(halfway, quick):
    communicator = socket_of(halfway)
    await communicator.connect()
    assert json.loads(await communicator.receive_from())["type"] == "connected"
    for text in ("nonsense", "[]", "null", '{"type": "pong"}', '{"type": "ping", "x": 1}', "[" * 5_000, "\ud800"):
        await communicator.send_to(text_data=text)
    await communicator.send_to(bytes_data=b"\x00\xff")
    assert await communicator.receive_nothing(timeout=0.05)
    await communicator.send_to(text_data='{"type": "ping"}')
    assert json.loads(await communicator.receive_from()) == {"type": "pong"}
    await communicator.disconnect()
    assert not live.hub().watchers


async def test_a_websocket_whose_row_cannot_be_read_is_closed_so_that_it_comes_back(halfway, monkeypatch):
    def refuse(*given):
        raise OperationalError("database is locked")

    monkeypatch.setattr(live, "first_events", refuse)
    communicator = socket_of(halfway)
    await communicator.connect()
    assert await until_closed(communicator) == ([], 1011)
    await communicator.disconnect()
    assert not live.hub().watchers


# ---- Server-Sent Events ----------------------------------------------------------------------------------------------


async def stream(session_id, **headers):
    return await AsyncClient().get(f"{STREAM}?sessionId={session_id}", headers=headers)


def parse(text):
    """[(event, id, data), ...] as an EventSource understands them."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return found


async def read_all(response):
    async with asyncio.timeout(20):
        return "".join([part.decode() async for part in response])


async def test_an_event_stream_has_the_events_with_their_type_and_sequence(submitted, worker, quick):
    response = await stream(submitted.pk)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"].startswith("no-cache")
    assert response["X-Accel-Buffering"] == "no"
    text = await read_all(response)
    assert text.startswith(":")
    assert "\nretry: " in text
    events = parse(text)
    assert [events[0][0], events[-1][0]] == ["connected", "complete"]
    assert all((kind, sequence) == (body["type"], body["sequence"]) for kind, sequence, body in events)
    assert [sequence for _, sequence, _ in events] == sorted({sequence for _, sequence, _ in events})
    assert not live.hub().watchers


async def test_an_event_source_that_comes_back_after_the_end_is_told_to_stop(finished, quick):
    kind, last, _ = parse(await read_all(await stream(finished.pk)))[-1]
    assert kind == "complete"
    response = await stream(finished.pk, **{"Last-Event-ID": str(last)})
    assert response.status_code == 204
    assert not live.hub().watchers


@pytest.mark.parametrize("seen", ["0", "", "x", "-1", "1e9", "9" * 400, "connected"])
async def test_an_event_source_that_has_not_seen_the_end_gets_it(finished, quick, seen):
    events = parse(await read_all(await stream(finished.pk, **{"Last-Event-ID": seen})))
    assert [kind for kind, _, _ in events] == ["connected", "complete"]


async def test_an_event_source_cut_off_right_before_the_terminal_event_gets_it_when_it_comes_back(finished, quick):
    (_, connected, _), _ = parse(await read_all(await stream(finished.pk)))
    events = parse(await read_all(await stream(finished.pk, **{"Last-Event-ID": str(connected)})))
    assert [kind for kind, _, _ in events] == ["connected", "complete"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("?sessionId=00000000-0000-4000-8000-000000000000", 404), ("?sessionId=nonsense", 404), ("?sessionId=%00", 404),
     ("", 422), ("?sessionId=", 422), ("?sessionId[]=1", 422)],
)  # fmt: skip
async def test_a_stream_of_nothing_is_a_json_error(db, quick, query, status):
    response = await AsyncClient().get(STREAM + query)
    assert response.status_code == status
    body = response.json()
    assert set(body) == {"success", "error", "code", "details"}
    assert not live.hub().watchers


async def test_a_stream_is_read_with_get(finished):
    response = await AsyncClient().post(f"{STREAM}?sessionId={finished.pk}")
    assert response.status_code == 405
    assert response.json()["code"] == "METHOD_NOT_ALLOWED"


async def test_a_quiet_stream_sends_comments_and_a_reader_that_leaves_frees_the_hub(halfway, monkeypatch):
    monkeypatch.setattr(watched, "HEARTBEAT_S", 0.02)
    response, parts = await stream(halfway.pk), []

    async def read():
        async for part in response:
            parts.append(part.decode())  # noqa: PERF401 - seen from outside, one by one

    reading = asyncio.create_task(read())
    await wait_for(lambda: len(parts) >= 3)
    assert "event: connected" in parts[0]
    assert parts[1:3] == [": heartbeat\n\n"] * 2
    reading.cancel()  # as the server does when the client is gone
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not live.hub().watchers


async def test_the_same_event_goes_out_on_every_transport(finished, quick):
    by_socket = socket_of(finished)
    await by_socket.connect()
    over_socket, _ = await until_closed(by_socket)
    over_stream = parse(await read_all(await stream(finished.pk)))[-1][2]
    over_http = (await AsyncClient().get(f"/api/backtest/batch/{finished.pk}")).json()
    bodies = [over_socket[-1], over_stream, over_http]
    for body in bodies:
        body.pop("sentAtMs")
    assert bodies[0] == bodies[1] == bodies[2]
    assert await BatchSession.objects.acount() == 1
