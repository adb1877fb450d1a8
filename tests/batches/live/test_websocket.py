"""Watching a batch over a websocket."""

import asyncio
import json

import pytest
from django.db import OperationalError
from django.utils import timezone

from batches.live import follow, hub, reads
from batches.live.websocket import watch
from batches.models import BatchSession
from batches.sweep.progress import newest_event
from tests.support.watchers import finish, socket, socket_of, until_closed, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_websocket_gets_every_event_and_is_closed_after_the_last(submitted, worker, quick):
    communicator = socket_of(submitted)
    assert (await communicator.connect())[0]
    messages, code = await until_closed(communicator)
    assert code == 1000
    assert [messages[0]["type"], messages[-1]["type"]] == ["connected", "complete"]
    assert sum(message["type"] in {"complete", "error"} for message in messages) == 1
    await communicator.disconnect()
    assert not hub.current_hub().watchers


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
     (b"https://localhost", b"localhost"), (b"ftp://localhost", b"localhost"), (b"localhost", b"localhost"),
     (b"http://evil.example", b"evil.example"), (None, b"evil.example"), (b"x", b"")],
)  # fmt: skip
async def test_a_websocket_from_a_foreign_page_or_for_a_foreign_host_is_refused(finished, origin, host):
    connected, _ = await socket_of(finished, origin=origin, host=host).connect()
    assert not connected
    assert not hub.current_hub().watchers


@pytest.mark.parametrize("origin", [None, b"http://localhost"])
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
    assert not hub.current_hub().watchers


async def test_a_websocket_whose_row_cannot_be_read_is_closed_so_that_it_comes_back(halfway, monkeypatch):
    def refuse(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr(follow, "first_events", refuse)
    communicator = socket_of(halfway)
    await communicator.connect()
    assert await until_closed(communicator) == ([], 1011)
    await communicator.disconnect()
    assert not hub.current_hub().watchers


class Client:
    """The application with a server whose `send` waits while the client does not read."""

    def __init__(self, session):
        self.event = newest_event(session, timezone.now())
        self.session, self.first = session, session.sequence
        self.reads, self.sent, self.code = asyncio.Event(), [], None
        self.reads.set()
        self.messages = asyncio.Queue()
        self.messages.put_nowait({"type": "websocket.connect"})
        scope = {"url_route": {"kwargs": {"session_id": str(session.pk)}}}
        self.task = asyncio.create_task(watch(scope, self.messages.get, self.send))

    async def send(self, message):
        await self.reads.wait()
        if message["type"] == "websocket.send":
            self.sent.append(json.loads(message["text"])["sequence"] - self.first)
        elif message["type"] == "websocket.close":
            self.code = message["code"]

    def deliver(self, number, kind="progress"):
        """Let the hub deliver the event of this number; `connected` is 0."""
        event = reads.as_event(self.event | {"sequence": self.first + number, "type": kind})
        hub.current_hub().deliver(self.session.pk, event)


@pytest.fixture
async def client(halfway, monkeypatch, settings):
    """Connected and idle."""
    monkeypatch.setattr(hub, "POLL_S", 1_000)
    settings.EVENT_INTERVAL_S = 0
    connected = Client(halfway)
    await wait_for(lambda: connected.sent == [0] and next(iter(watchers_of(halfway))).waiting)
    yield connected
    connected.messages.put_nowait({"type": "websocket.disconnect"})
    await connected.task


def watchers_of(session):
    return hub.current_hub().batches[session.pk].watchers


async def test_progress_reaches_an_idle_websocket_before_any_other_task_runs(client):
    for number in (1, 2, 2, 1):
        client.deliver(number)
    assert client.sent == [0, 1, 2]
    client.deliver(3, "complete")
    assert client.sent == [0, 1, 2], "its own task sends the terminal event, and closes"
    await wait_for(lambda: client.code)
    assert (client.sent, client.code) == ([0, 1, 2, 3], 1000)


async def test_a_slow_websocket_gets_the_event_on_its_way_then_the_newest(client):
    client.reads.clear()
    for number in range(1, 6):
        client.deliver(number)
        await asyncio.sleep(0)
    client.reads.set()
    await wait_for(lambda: len(client.sent) > 2)
    assert client.sent == [0, 1, 5]
    await wait_for(lambda: not next(iter(watchers_of(client.session))).waiting.done())
    client.deliver(6)
    assert client.sent == [0, 1, 5, 6]


async def test_a_websocket_that_breaks_while_the_hub_sends_is_forgotten(client):
    async def fail(_):
        raise ConnectionResetError

    client.reads.wait = lambda: fail(None)
    client.deliver(1)
    await wait_for(lambda: not hub.current_hub().watchers)
