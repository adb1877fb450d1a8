"""The event stream as a server sees it: the real ASGI application, its limits, and who frees what when."""

import asyncio
import contextlib

import pytest
from asgiref.testing import ApplicationCommunicator

from backtester.asgi import application
from batches.errors import TooMany
from batches.live import follow, hub, subscriptions
from tests.support.watchers import STREAM, collect, judge, parse, socket_of, stream, until_closed

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
    assert not follow.hub().watchers


async def test_a_client_that_leaves_a_quiet_stream_frees_the_hub_at_once(halfway):
    communicator, text = await open_stream(halfway)
    assert [kind for kind, _, _ in parse(text)] == ["connected"]
    assert follow.hub().watchers == 1
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(10)
    assert not follow.hub().watchers


async def test_a_crowd_is_let_in_by_a_few_at_a_time(halfway, monkeypatch):
    monkeypatch.setattr(hub, "OPENING", 2)
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
    assert (follow.hub().watchers, len(most)) == (8, 8)
    assert max(most) <= 2
    for communicator, _ in crowd:
        await communicator.send_input({"type": "http.disconnect"})
        await communicator.wait(10)
    assert not follow.hub().watchers


async def test_a_head_request_opens_no_stream(halfway):
    communicator = request(f"{STREAM}?sessionId={halfway.pk}", method="HEAD")
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await communicator.receive_output(10))["status"] == 200
    assert not (await communicator.receive_output(10))["body"]
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(10)
    assert not follow.hub().watchers


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
