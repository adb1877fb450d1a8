"""The event stream as a server sees it: the real ASGI application, its limits, and who frees what when."""

import asyncio
import contextlib
import json
import threading

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.template.backends.django import Template
from django.utils import timezone

from backtester.asgi import application
from batches.errors import TooMany
from batches.live import follow, hub, subscriptions
from batches.running import lifecycle
from tests.support.watchers import (
    STREAM,
    collect,
    judge,
    parse,
    socket_of,
    stream,
    until_closed,
    wait_for,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch, settings):
    monkeypatch.setattr(hub, "POLL_S", 0.02)
    settings.EVENT_INTERVAL_S = 0.01


def request(path, method="GET"):
    """An HTTP request as an ASGI server would bring it."""
    name, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": name,
        "raw_path": name.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 50_000),
    }
    return ApplicationCommunicator(application, scope)


async def open_stream(session):
    """(communicator, first words) of a stream that is open."""
    communicator = request(f"{STREAM}?sessionId={session.pk}")
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    head = await communicator.receive_output(10)
    names = {name.lower() for name, _ in head["headers"]}
    assert (head["type"], head["status"]) == ("http.response.start", 200)
    assert b"content-length" not in names
    assert b"content-security-policy" in names
    return communicator, (await communicator.receive_output(10))["body"].decode()


async def test_a_server_gets_the_whole_stream_and_its_end(submitted, worker):
    communicator, text = await open_stream(submitted)
    more = True
    while more:
        message = await communicator.receive_output(10)
        text, more = text + message["body"].decode(), message.get("more_body", False)
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(10)
    kinds = [kind for kind, _, _ in parse(text)]
    assert kinds == ["connected", *["progress"] * (len(kinds) - 2), "complete"]
    assert not hub.current_hub().watchers


async def test_a_client_that_leaves_a_quiet_stream_frees_the_hub_at_once(halfway):
    communicator, text = await open_stream(halfway)
    assert [kind for kind, _, _ in parse(text)] == ["connected"]
    assert hub.current_hub().watchers == 1
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(10)
    assert not hub.current_hub().watchers


async def test_a_crowd_is_let_in_by_a_few_at_a_time(halfway, monkeypatch):
    monkeypatch.setattr(hub, "MAX_OPENING", 2)
    read_row, inside, most = follow.first_events, set(), []

    def read_slowly(session_id, *credential):
        inside.add(me := object())
        most.append(len(inside))
        events = read_row(session_id, *credential)
        inside.discard(me)
        return events

    monkeypatch.setattr(follow, "first_events", read_slowly)
    crowd = await asyncio.gather(*(open_stream(halfway) for _ in range(8)))
    assert all("event: connected" in text for _, text in crowd)
    assert (hub.current_hub().watchers, len(most)) == (8, 8)
    assert max(most) <= 2
    for communicator, _ in crowd:
        await communicator.send_input({"type": "http.disconnect"})
        await communicator.wait(10)
    assert not hub.current_hub().watchers


async def test_a_head_request_opens_no_stream(halfway):
    communicator = request(f"{STREAM}?sessionId={halfway.pk}", method="HEAD")
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await communicator.receive_output(10))["status"] == 200
    assert not (await communicator.receive_output(10))["body"]
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(10)
    assert not hub.current_hub().watchers


async def test_a_server_takes_as_many_streams_as_it_is_allowed_to(finished, halfway, settings):
    settings.STREAMS_MAX = 1
    async with contextlib.aclosing(follow.follow(halfway.pk)) as events:
        await anext(events)
        with pytest.raises(TooMany, match="STREAMS_MAX"):
            await collect(finished.pk)
        refused = socket_of(finished)
        await refused.connect()
        messages, code = await until_closed(refused)
        assert (messages[0]["code"], code) == ("LIMIT_REACHED", 4429)
        response = await stream(finished.pk)
        assert (response.status_code, response.json()["code"]) == (429, "LIMIT_REACHED")
        assert response["Retry-After"]
    judge(await collect(finished.pk))


async def test_a_stream_whose_life_is_over_ends_without_a_terminal_event(halfway, monkeypatch):
    monkeypatch.setattr(subscriptions, "HEARTBEAT_S", 0.02)
    assert [event.kind for event in await collect(halfway.pk, life_s=0.05)] == ["connected"]


async def test_a_computing_page_holds_up_no_event(halfway, finished, monkeypatch):
    computing, release, render = threading.Event(), threading.Event(), Template.render

    def compute_long(*args, **kwargs):
        computing.set()
        assert release.wait(60)
        return render(*args, **kwargs)

    monkeypatch.setattr(Template, "render", compute_long)
    page = request(f"/batches/{finished.pk}/")
    try:
        await page.send_input({"type": "http.request", "body": b"", "more_body": False})
        await wait_for(computing.is_set)
        by_stream, _ = await open_stream(halfway)
        by_socket = socket_of(halfway)
        await by_socket.connect()
        assert "connected" in await by_socket.receive_from(10)
        await sync_to_async(lifecycle.cancel)(halfway.pk, timezone.now())
        assert "event: error" in (await by_stream.receive_output(10))["body"].decode()
        assert json.loads(await by_socket.receive_from(10))["status"] == "cancelled"
        assert await page.receive_nothing(), "the page is still computed"
        await by_socket.disconnect()
        await by_stream.send_input({"type": "http.disconnect"})
        await by_stream.wait(10)
    finally:
        release.set()
    assert (await page.receive_output(10))["status"] == 200
    await page.send_input({"type": "http.disconnect"})
    await page.wait(10)
