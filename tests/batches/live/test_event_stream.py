"""Watching a batch over Server-Sent Events; and the same event on every transport."""

import asyncio

import pytest
from django.test import AsyncClient

from batches.live import hub, subscriptions
from batches.models import BatchSession
from tests.support.watchers import STREAM, parse, read_all, socket_of, stream, until_closed, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert not hub.current_hub().watchers


async def test_an_event_source_that_returns_after_the_end_gets_204(finished, quick):
    kind, last, _ = parse(await read_all(await stream(finished.pk)))[-1]
    assert kind == "complete"
    response = await stream(finished.pk, **{"Last-Event-ID": str(last)})
    assert response.status_code == 204
    assert not hub.current_hub().watchers


@pytest.mark.parametrize("seen", ["0", "", "x", "-1", "1e9", "9" * 400, "connected"])
async def test_an_event_source_that_has_not_seen_the_end_gets_it(finished, quick, seen):
    events = parse(await read_all(await stream(finished.pk, **{"Last-Event-ID": seen})))
    assert [kind for kind, _, _ in events] == ["connected", "complete"]


async def test_an_event_source_cut_off_before_the_terminal_event_gets_it_on_return(finished, quick):
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
    assert not hub.current_hub().watchers


async def test_a_stream_is_read_with_get(finished):
    response = await AsyncClient().post(f"{STREAM}?sessionId={finished.pk}")
    assert response.status_code == 405
    assert (response.json()["code"], response["Allow"]) == ("METHOD_NOT_ALLOWED", "GET, HEAD")


async def test_a_quiet_stream_sends_comments_and_a_reader_that_leaves_frees_the_hub(halfway, monkeypatch):
    monkeypatch.setattr(subscriptions, "HEARTBEAT_S", 0.02)
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
    assert not hub.current_hub().watchers


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
