"""A client that sends too much over its websocket is closed before its frames become messages."""

import asyncio
import struct

import pytest

from backtester.stack.daphne import inboxes, websockets
from tests.support.daphne_in_memory import HANDSHAKE, answer, has_policies, in_memory

TEXT, PING, PONG, CLOSE = 0x81, 0x89, 0x8A, 0x88


def frame(kind=TEXT, payload=b"x"):
    """A masked frame, whose mask changes nothing."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([kind]) + length + b"\0\0\0\0" + payload


@pytest.fixture
async def opened(monkeypatch):
    """(websocket, transport, messages that reached the application, whether it takes them)."""
    messages, takes = [], asyncio.Event()
    takes.set()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await takes.wait()
            messages.append(await receive())

    async with in_memory(monkeypatch, application) as server:
        protocol, transport = server.connect()
        protocol.dataReceived(HANDSHAKE)
        websocket = transport.protocol
        while websocket.state != websocket.STATE_OPEN:
            await asyncio.sleep(0)
        transport.clear()
        yield server, websocket, transport, messages, takes


def close_code(transport):
    """The code of the closing frame, which is the last that was written."""
    return struct.unpack("!H", transport.value()[2:4])[0] if transport.value()[0] == CLOSE else None


@pytest.mark.parametrize("kind", [TEXT, PING, PONG])
async def test_a_flood_of_frames_is_closed_before_it_is_read(opened, monkeypatch, kind):
    server, websocket, transport, messages, _ = opened
    begun = []
    monkeypatch.setattr(websocket, "onFrameBegin", lambda: begun.append(1) or type(websocket).onFrameBegin(websocket))
    for _ in range(100):
        transport.clear() if not websocket.is_refused else None
        websocket.dataReceived(frame(kind) * 1_000)
    await asyncio.sleep(0)
    assert len(begun) == websockets.FRAMES + 1
    assert len(messages) <= websockets.FRAMES
    assert struct.pack("!H", websockets.TOO_MANY_FRAMES) in transport.value()
    assert transport.producerState == "paused"
    assert websocket.data == b""
    server.clock.advance(websockets.LINGER_S)
    assert transport.aborted


async def test_a_client_that_answers_pings_and_sends_its_own_is_never_closed(opened, monkeypatch):
    _, websocket, _, messages, _ = opened
    now = [0.0]
    monkeypatch.setattr(websockets.time, "monotonic", lambda: now[0])
    for _ in range(500):
        now[0] += 1
        websocket.dataReceived(frame(PONG) + frame(payload=b'{"type":"ping"}'))
        await asyncio.sleep(0)
    assert not websocket.is_refused
    assert len(messages) == 500


async def test_a_message_of_a_kilobyte_is_read_and_a_larger_one_closes_its_socket(opened):
    _, websocket, transport, messages, _ = opened
    websocket.dataReceived(frame(payload=b"x" * websockets.MAX_MESSAGE_BYTES))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(messages) == 1
    websocket.dataReceived(frame(payload=b"x" * (websockets.MAX_MESSAGE_BYTES + 1)))
    assert close_code(transport) == websockets.TOO_BIG


async def test_a_frame_that_is_announced_too_large_is_closed_at_once_and_nothing_is_kept(opened):
    _, websocket, transport, _, _ = opened
    websocket.dataReceived(b"\x81\xff" + struct.pack("!Q", 2**24) + b"\0\0\0\0" + b"x" * 60_000)
    assert close_code(transport) == websockets.TOO_BIG
    websocket.dataReceived(b"x" * 60_000)
    assert websocket.data == b""


async def test_a_message_of_many_parts_has_the_same_limit(opened):
    _, websocket, transport, _, _ = opened
    websocket.dataReceived(frame(0x01, b"x" * 600))
    websocket.dataReceived(frame(0x00, b"x" * 600))
    assert close_code(transport) == websockets.TOO_BIG


async def test_while_messages_wait_nothing_is_read(opened):
    _, websocket, transport, messages, takes = opened
    takes.clear()
    await asyncio.sleep(0)
    for _ in range(inboxes.MAX_WAITING + 2):  # one is taken by the call of receive that waits already
        websocket.dataReceived(frame())
        await asyncio.sleep(0)
    assert transport.producerState == "paused"
    takes.set()
    while len(messages) < inboxes.MAX_WAITING + 2:
        await asyncio.sleep(0)
    assert transport.producerState == "producing"


async def test_what_comes_before_the_socket_is_accepted_is_limited(monkeypatch):
    async def application(scope, receive, send):
        await asyncio.Event().wait()

    async with in_memory(monkeypatch, application) as server:
        protocol, transport = server.connect()
        protocol.dataReceived(HANDSHAKE)
        for _ in range(10):
            transport.protocol.dataReceived(b"x" * 10_000)
        assert transport.aborted
        assert len(transport.protocol.data) <= websockets.MAX_HANDSHAKE_BYTES


async def test_a_refused_handshake_is_answered_in_the_one_shape(monkeypatch):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.close"})

    async with in_memory(monkeypatch, application) as server:
        protocol, transport = server.connect()
        protocol.dataReceived(HANDSHAKE)
        while not transport.value():
            await asyncio.sleep(0)
        status, headers, error = answer(transport)
    assert (status, error["code"]) == (403, "FORBIDDEN")
    assert has_policies(headers)
