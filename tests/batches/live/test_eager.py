"""A coroutine that is started outside of a task and finished inside of one."""

import asyncio

import pytest

from batches.live.eager import start


async def test_a_coroutine_that_never_waits_has_ended_when_it_was_started():
    happened = []

    async def work():
        happened.append("all")

    assert start(work()) is None
    assert happened == ["all"]


async def test_a_coroutine_that_waits_goes_on_where_it_is_awaited():
    gate, happened = asyncio.Event(), []

    async def work():
        happened.append("before")
        await gate.wait()
        await asyncio.sleep(0)
        happened.append("after")

    unfinished = start(work())
    task = asyncio.create_task(unfinished)
    await asyncio.sleep(0.01)
    assert happened == ["before"]
    gate.set()
    await asyncio.wait_for(task, 5)
    assert happened == ["before", "after"]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [ConnectionResetError, asyncio.CancelledError])
async def test_an_error_is_raised_where_it_is_awaited(waits, error):
    async def work():
        if waits:
            await asyncio.sleep(0)
        raise error("gone")

    unfinished = start(work())
    assert unfinished is not None
    with pytest.raises(error, match="gone"):
        await unfinished


async def test_a_cancellation_reaches_the_coroutine():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    task = asyncio.create_task(start(work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
