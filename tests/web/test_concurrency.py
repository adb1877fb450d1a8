"""Few requests are computed at the same time; those that wait cost nothing, and a long queue is refused."""

import asyncio

import orjson
import pytest

from backtester.web.concurrency import InTurn, is_computed
from tests.support.daphne_in_memory import has_policies


class Computing:
    """An application whose requests take until they are let go, and then stream until they are let go again."""

    def __init__(self):
        self.running, self.most = 0, 0
        self.computed, self.read = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.running += 1
        self.most = max(self.most, self.running)
        await self.computed.wait()
        if scope["path"] == "/broken":
            self.running -= 1
            raise LookupError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.running -= 1
        await self.read.wait()
        await send({"type": "http.response.body", "body": b""})


async def always(_scope):
    return True


@pytest.fixture
async def computing():
    return Computing()


@pytest.fixture
async def requests(computing):
    """request(path): start a request; its messages are those of its task."""
    in_turn = InTurn(computing, limit=2, max_waiting=3, concerns=always)
    tasks = []

    async def run(path):
        messages = []

        async def send(message):
            messages.append(message)

        await in_turn({"type": "http", "path": path}, None, send)
        return messages

    def request(path="/"):
        tasks.append(asyncio.create_task(run(path)))
        return tasks[-1]

    yield request
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_are_computed_and_all_that_wait_follow(computing, requests):
    tasks = [requests() for _ in range(5)]
    await settle()
    assert computing.running == 2
    computing.computed.set()
    computing.read.set()
    assert [messages[0]["status"] for messages in await asyncio.gather(*tasks)] == [200] * 5
    assert computing.most == 2


async def test_a_queue_that_is_full_is_refused_at_once_and_told_when_to_return(computing, requests):
    for _ in range(5):
        requests()
    await settle()
    start, body = await requests()
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert (start["status"], orjson.loads(body["body"])["code"]) == (503, "BUSY")
    assert headers["Retry-After"]
    assert has_policies(headers)


async def test_a_client_that_reads_slowly_keeps_no_turn(computing, requests):
    computing.computed.set()
    tasks = [requests() for _ in range(5)]
    await settle()
    assert not any(task.done() for task in tasks)
    assert computing.running == 0, "each has started its response"


async def test_a_request_that_breaks_and_one_that_is_given_up_return_their_turns(computing, requests):
    requests("/broken")
    canceled, waiting = requests(), requests()
    await settle()
    waiting.cancel()
    canceled.cancel()
    computing.computed.set()
    computing.read.set()
    assert len([await task for task in [requests() for _ in range(4)]]) == 4


async def test_the_health_check_waits_for_nobody():
    assert not await is_computed({"path": "/healthz"})
    assert await is_computed({"path": "/"})
