"""A coroutine that is begun outside of a task and finished inside of one."""

import asyncio
import uuid

import pytest

from batches.live.eager import begin
from batches.live.subscriptions import Event, Watcher


async def test_what_need_not_wait_has_happened_when_it_was_begun():
    happened = []

    async def work():
        happened.append("all")

    assert begin(work()) is None
    assert happened == ["all"]


async def test_what_has_to_wait_goes_on_where_it_is_awaited():
    gate, happened = asyncio.Event(), []

    async def work():
        happened.append("before")
        await gate.wait()
        await asyncio.sleep(0)
        happened.append("after")

    rest = begin(work())
    task = asyncio.create_task(rest)
    await asyncio.sleep(0.01)
    assert happened == ["before"]
    gate.set()
    await asyncio.wait_for(task, 5)
    assert happened == ["before", "after"]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [ConnectionResetError, asyncio.CancelledError])
async def test_an_error_comes_out_where_it_is_awaited(waits, error):
    async def work():
        if waits:
            await asyncio.sleep(0)
        raise error("gone")

    rest = begin(work())
    assert rest is not None
    with pytest.raises(error, match="gone"):
        await rest


async def test_a_cancellation_reaches_it():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    task = asyncio.create_task(begin(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


class Client:
    """What a watcher sends to; shut, it makes whoever sends wait."""

    def __init__(self):
        self.open, self.got = asyncio.Event(), []

    async def take(self, event):
        await self.open.wait()
        self.got.append(event.sequence)


def event(sequence, kind="progress"):
    return Event(kind, sequence, "{}", 0.0)


@pytest.fixture
async def followed():
    """(watcher, its client, what whoever follows was given to send)"""
    client = Client()
    watcher, given = Watcher(None, client.take), []

    async def follow():
        while not given or not given[-1].is_terminal:
            given.append(await watcher.take())
            await client.take(given[-1])

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    yield watcher, client, given
    watcher.timer.cancel()
    task.cancel()


async def test_a_client_that_takes_everything_is_sent_to_at_once_and_the_end_by_whoever_follows(followed):
    watcher, client, given = followed
    client.open.set()
    watcher.offer(event(1))
    watcher.offer(event(2))
    watcher.offer(event(2))
    assert client.got == [1, 2], "before anybody else had a turn"
    watcher.offer(event(3, "complete"))
    assert client.got == [1, 2]
    await asyncio.sleep(0.01)
    assert client.got == [1, 2, 3]
    assert [each.sequence for each in given] == [3]


async def test_a_slow_client_gets_what_was_begun_then_the_newest_never_an_old_one(followed):
    watcher, client, _ = followed
    for sequence in range(1, 6):
        watcher.offer(event(sequence))
        await asyncio.sleep(0)
    client.open.set()
    await asyncio.sleep(0.01)
    assert client.got == [1, 5]
    watcher.offer(event(6))
    assert client.got == [1, 5, 6]


async def test_a_client_that_is_gone_ends_whoever_follows():
    async def send(_):
        raise ConnectionResetError(str(uuid.uuid4()))

    watcher = Watcher(None, send)
    following = asyncio.create_task(watcher.take())
    await asyncio.sleep(0)
    watcher.offer(event(1))
    with pytest.raises(ConnectionResetError):
        await following
    watcher.timer.cancel()
