"""Watchers inside a test: `follow`, a websocket, an event stream, and what holds for each of them."""

import asyncio
import contextlib
import itertools
import json

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import AsyncClient
from django.utils import timezone

from backtester.asgi import application
from batches.live import follow, reads
from batches.sweep.progress import newest_event
from tests.batches.sweep.test_progress import CONTRACT
from tests.support import jobs

STREAM = "/api/backtest/batch/stream"


async def collect(session_id, **options):
    """All events of a batch until its stream ends, heartbeats left out."""
    async with asyncio.timeout(20), contextlib.aclosing(follow.follow(session_id, **options)) as events:
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


def finish(session):
    return sync_to_async(jobs.finish)(session)


def hint(session):
    """What the channel layer would bring now."""
    return reads.as_event(newest_event(session, timezone.now()))


async def wait_for(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def socket(path, origin=None, host=b"localhost"):
    headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])
    return WebsocketCommunicator(application, path, headers=headers)


def socket_of(session, **options):
    return socket(f"/ws/backtest/batch/{session.pk}/", **options)


async def until_closed(communicator):
    """([messages], close code)."""
    messages = []
    while True:
        sent = await communicator.receive_output(timeout=10)
        if sent["type"] == "websocket.close":
            return messages, sent["code"]
        messages.append(json.loads(sent["text"]))


async def stream(session_id, **headers):
    return await AsyncClient().get(f"{STREAM}?sessionId={session_id}", headers=headers)


def parse(text):
    """[(event, id, data), ...] as an EventSource understands them."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            events.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
    return events


async def read_all(response):
    async with asyncio.timeout(20):
        return "".join([part.decode() async for part in response])
