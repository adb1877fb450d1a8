"""The client against a real server, through a network that breaks."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import pytest

from backtester.client import AsyncClient, Client, NotFound
from backtester.client.watching import EVENT_STREAM, POLLING, WEBSOCKET
from tests.live.relay import Relay

pytestmark = pytest.mark.stack
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(stack):
    with Client(stack.url) as client:
        yield client


@pytest.fixture
def paused_batch(client):
    """A batch that is paused near its start."""
    slow = {"window": range(10, 60), "target": [level / 100 for level in range(10, 20)], "every": range(5, 45)}
    batch = client.start("volatility_target", ["AAPL"], slow)
    batch.pause()
    yield batch
    with contextlib.suppress(NotFound):
        batch.cancel()


@pytest.fixture(params=[WEBSOCKET, EVENT_STREAM, POLLING])
def transport(request, monkeypatch):
    """The only transport that works, as in some networks."""
    monkeypatch.setattr("backtester.client.watching.TRANSPORTS", (request.param,) * 3)
    monkeypatch.setattr("backtester.client.watching.POLL_S", 0.1)
    return request.param


def watch_in_a_thread(url, session_id, on_event, troubles):
    with Client(url) as client:
        events = []
        for event in client.batch(session_id).watch(on_trouble=troubles.append):
            events.append(event)
            on_event(event)
        return events


async def watch_with_asyncio(url, session_id, on_event, troubles):
    async with AsyncClient(url) as client:
        events = []
        async for event in client.batch(session_id).watch(on_trouble=troubles.append):
            events.append(event)
            on_event(event)
        return events


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
async def test_a_watch_survives_a_broken_connection_and_ends_once(stack, client, paused_batch, transport, asynchronous):
    troubles, loop = [], asyncio.get_running_loop()
    async with Relay((urlsplit(stack.url).hostname, urlsplit(stack.url).port)) as relay:
        broken = asyncio.Event()

        def break_once(event):
            if not broken.is_set():
                loop.call_soon_threadsafe(relay.reset)
                loop.call_soon_threadsafe(broken.set)

        arguments = (f"http://127.0.0.1:{relay.port}", paused_batch.id, break_once, troubles)
        if asynchronous:
            watching = asyncio.create_task(watch_with_asyncio(*arguments))
        else:
            watching = asyncio.create_task(asyncio.to_thread(watch_in_a_thread, *arguments))
        await broken.wait()
        await asyncio.to_thread(paused_batch.resume)
        async with asyncio.timeout(60):
            events = await watching
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert [event.is_terminal for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1].status == "complete"
    assert events[-1].results["totalCombinations"] == events[-1].total
    if transport != POLLING:  # which holds no connection
        assert events[0].type == "connected"
        assert troubles


async def test_an_unknown_batch_is_not_found_on_any_transport(stack, client, transport):
    with pytest.raises(NotFound):
        client.batch(UNKNOWN).wait()
    async with AsyncClient(stack.url) as other:
        with pytest.raises(NotFound):
            await other.batch(UNKNOWN).wait()


def test_the_same_start_sent_twice_is_one_batch(client):
    options = {"session_id": "11111111-1111-4111-8111-111111111111"}
    first, second = (client.start("sma_cross", ["AAPL"], {"fast": [5, 6], "slow": [50]}, **options) for _ in range(2))
    assert first.id == second.id == options["session_id"]
    assert first.wait().total == 2


def test_actions_return_whether_they_changed_anything(client, paused_batch):
    assert not paused_batch.pause()
    assert paused_batch.newest().status == "paused"
    assert paused_batch.resume()
    assert paused_batch.cancel()
    assert not paused_batch.cancel()
    again = paused_batch.retry()
    assert again.id != paused_batch.id
    again.cancel()
    paused_batch.delete()
    with pytest.raises(NotFound):
        paused_batch.newest()
