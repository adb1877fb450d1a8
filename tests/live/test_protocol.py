"""What the contract promises to every watcher, over real sockets, through a relay that breaks things."""

import asyncio
import contextlib
import http.client
import json
import time
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from tests.live.recorders import both, read_socket, read_stream, until, watching
from tests.live.relay import Relay
from tests.support.promised import promised

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def short_lived(start_server):
    """Event streams end after a second; there is room for three."""
    return start_server(STREAM_LIFE_S="1", STREAMS_MAX="3")


def relayed(serving, url, relay):
    return url.replace(f":{serving.address[1]}/", f":{relay.port}/")


def test_an_answer_to_head_has_no_body_however_long_that_of_get_is(serving):
    with httpx.Client(
        base_url=serving.url, timeout=20
    ) as client:  # what came too much would be read as the next answer
        assert len(client.get("/api/openapi.json").content) > 64 * 1024
        for _ in range(3):
            assert (client.head("/api/openapi.json").status_code, client.get("/healthz").status_code) == (200, 200)


class PlainEventSource:
    """A second, independent reader: the algorithm of the HTML standard over the standard library's HTTP."""

    def __init__(self, url, last_event_id=""):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, br", "Cache-Control": "no-cache"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        self.connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        self.response = self.connection.getresponse()
        self.last_event_id, self.retry, self.comments = last_event_id, None, 0

    def events(self):
        """(type, id, data) until the stream ends."""
        kind, data = "", []
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            assert "\r" not in line
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if data:
                    yield kind or "message", self.last_event_id, "\n".join(data)
                kind, data = "", []
            elif not name:
                self.comments += 1
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last_event_id = value
            elif name == "retry":
                self.retry = int(value)
        self.connection.close()


def test_the_stream_is_exact(serving):
    session_id = serving.batch()
    serving.step(session_id, successful=5)
    source = PlainEventSource(serving.stream_url(session_id))
    headers = source.response.headers
    assert source.response.status == 200
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "no-cache, no-transform"
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["Content-Encoding"] == "identity"
    assert "Content-Length" not in headers
    events = source.events()
    kind, event_id, data = next(events)
    assert (kind, event_id) == ("connected", "2")
    assert json.loads(data)["current"] == 5
    assert 300 <= source.retry <= 1500
    assert source.comments == 1  # the padding for old proxies
    serving.finish(session_id)
    kind, event_id, data = next(events)
    assert (kind, event_id) == ("complete", "3")
    assert "\n" not in data
    assert json.loads(data)["type"] == "complete"
    assert list(events) == []  # the server ends it
    again = PlainEventSource(serving.stream_url(session_id), last_event_id=event_id)
    assert again.response.status == 204
    again.connection.close()
    before = PlainEventSource(serving.stream_url(session_id), last_event_id="2")
    assert [kind for kind, _, _ in before.events()] == ["connected", "complete"]


def test_a_head_request_gets_the_headers_and_opens_nothing(serving):
    session_id = serving.batch()
    answer = httpx.head(serving.stream_url(session_id))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert serving.open_streams() == 0
    refused = httpx.post(serving.stream_url(session_id))
    assert (refused.status_code, refused.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_both_transports_carry_the_same_events(serving):
    session_id = serving.batch()
    (_, socket_url), (_, stream_url) = both(serving, session_id)
    async with watching(read_socket, socket_url) as by_socket, watching(read_stream, stream_url) as by_stream:
        for done in (1, 2, 3):
            await asyncio.to_thread(serving.step, session_id, successful=done)
            await until(lambda: by_socket.events[-1]["current"] == done, "the step")  # noqa: B023
        await asyncio.to_thread(serving.finish, session_id)
        await until(lambda: by_socket.task.done() and by_stream.task.done(), "the end")
    assert by_socket.events[1:] == by_stream.events[1:]
    assert by_socket.kinds[0] == by_stream.kinds[0] == "connected"
    assert (by_socket.kinds[-1], by_socket.kinds.count("complete"), by_socket.code) == ("complete", 1, 1000)


async def test_a_stream_ends_after_its_life_and_goes_on_where_it_was(short_lived):
    session_id = short_lived.batch()
    source = await asyncio.to_thread(PlainEventSource, short_lived.stream_url(session_id))
    began, seen = time.monotonic(), []
    events = source.events()
    seen.append(await asyncio.to_thread(next, events))
    while (event := await asyncio.to_thread(next, events, None)) is not None:
        seen.append(event)
        await asyncio.to_thread(short_lived.step, session_id, successful=len(seen))
        assert time.monotonic() - began < promised(20)
    assert {kind for kind, _, _ in seen} <= {"connected", "progress"}
    short_lived.step(session_id, successful=50)
    again = await asyncio.to_thread(PlainEventSource, short_lived.stream_url(session_id), source.last_event_id)
    events = again.events()
    kind, event_id, data = await asyncio.to_thread(next, events)
    assert (kind, json.loads(data)["current"]) == ("connected", 50)
    assert int(event_id) > int(source.last_event_id)
    short_lived.finish(session_id)
    assert [kind for kind, _, _ in await asyncio.to_thread(list, events)][-1] == "complete"


async def test_when_there_is_no_room_a_watcher_is_refused_and_polling_still_works(short_lived):
    session_id = short_lived.batch()
    url = short_lived.socket_url(session_id)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(watching(read_socket, url))
        async with websockets.connect(url) as fourth:
            assert json.loads(await fourth.recv())["code"] == "LIMIT_REACHED"
            with pytest.raises(websockets.ConnectionClosed):
                await fourth.recv()
            assert fourth.close_code == 4429
        answer = httpx.get(short_lived.stream_url(session_id))
        assert (answer.status_code, answer.json()["code"]) == (429, "LIMIT_REACHED")
        assert int(answer.headers["Retry-After"]) > 0
        assert httpx.get(f"{short_lived.url}/api/backtest/batch/{session_id}").status_code == 200
    await until(lambda: short_lived.open_streams() == 0, "room")
    async with watching(read_socket, url) as seen:
        assert seen.kinds == ["connected"]


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_watcher_whose_network_breaks_is_forgotten_and_reconnects_to_the_truth(serving, how):
    session_id = serving.batch()
    async with Relay(serving.address) as relay:
        for read, url in both(serving, session_id):
            async with watching(read, relayed(serving, url, relay)) as seen:
                await until(lambda: serving.open_streams() == 1, "the watcher")
                getattr(relay, how)()
                await until(lambda: serving.open_streams() == 0, "the server to forget it", seconds=5)
                await until(lambda: seen.task.done(), "the client to notice")
            serving.step(session_id, successful=9)
            async with watching(read, relayed(serving, url, relay)) as again:
                assert (again.kinds, again.events[0]["current"]) == (["connected"], 9)
            await until(lambda: serving.open_streams() == 0, "the server to forget it")


async def test_after_a_stall_of_the_network_the_newest_event_and_the_end_arrive(serving):
    session_id = serving.batch()
    async with Relay(serving.address) as relay, contextlib.AsyncExitStack() as stack:
        ways = [(read, relayed(serving, url, relay)) for read, url in both(serving, session_id)]
        watchers = [await stack.enter_async_context(watching(*way)) for way in ways]
        relay.stall()
        for done in range(1, 6):
            await asyncio.to_thread(serving.step, session_id, successful=done)
        await asyncio.to_thread(serving.finish, session_id)
        assert [watcher.kinds for watcher in watchers] == [["connected"]] * 2
        relay.heal()
        await until(lambda: all(watcher.task.done() for watcher in watchers), "the end")
    for watcher in watchers:
        assert watcher.kinds[-1] == "complete"
        assert watcher.sequences == sorted(set(watcher.sequences))


async def test_a_client_that_talks_nonsense_harms_nobody(serving):
    session_id = serving.batch()
    url = serving.socket_url(session_id)
    async with watching(read_socket, url) as other:
        async with websockets.connect(url, max_size=None) as odd:
            for words in (
                "",
                "x" * 200,
                "[" * 1_000,
                "null",
                b"\x00\xff",
                '{"type": "ping", "more": 1}',
            ):
                await odd.send(words)
            await odd.send('{"type": "ping"}')
            answers = [json.loads(await odd.recv()) for _ in range(2)]
            assert {answer["type"] for answer in answers} == {"connected", "pong"}
            await odd.send("{}" * 50_000)
            with pytest.raises(websockets.ConnectionClosedError) as closed:
                await odd.recv()
            assert closed.value.rcvd.code == 1009
        serving.step(session_id, successful=3)
        await until(lambda: other.events[-1]["current"] == 3, "the step")
