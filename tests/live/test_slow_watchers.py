"""Watchers that are slow, stuck, gone, or come and go by the hundred: they cost little, others notice nothing."""

import asyncio
import base64
import contextlib
import ctypes
import itertools
import json
import os
import socket
import struct
import time

import httpx
import pytest
import websockets

from tests.live.recorders import both, read_socket, until, watching
from tests.support.promised import promised

pytestmark = pytest.mark.stack
DROPPED_S = 25.0
KEPT = 14  # four reader threads may keep their connection to the database, of three files each
LARGE = 60_000  # bytes of one event, so that the buffers of the kernel are soon full
SO_ATTACH_FILTER = 26  # Linux; Python has no name for it
NO_LINGER = struct.pack("ii", 1, 0)
EMPTY_TEXT = b"\x81\x80\0\0\0\0"  # a frame of a client; any answers the server's pings
ROUND = 700  # connections after which the server has collected all garbage at least once
LEAK = 700  # bytes for each connection that are found if all of them leave as much


@pytest.fixture(scope="module")
def fast(start_server):
    """A server that lets fifty events a second through."""
    return start_server(EVENT_INTERVAL_S="0.02")


def raw(serving, session_id, kind, *, receive_buffer=0):
    """A client of which we decide when it reads; it has asked for the stream and for nothing else."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(20)
    client.connect(serving.address)
    host = f"Host: {serving.address[0]}:{serving.address[1]}\r\n"
    if kind == "stream":
        path = serving.stream_url(session_id).removeprefix(serving.url)
        client.sendall(f"GET {path} HTTP/1.1\r\n{host}\r\n".encode())
    else:
        key = base64.b64encode(os.urandom(16)).decode()
        head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        client.sendall(f"GET /ws/backtest/batch/{session_id}/ HTTP/1.1\r\n{host}{head}{key}\r\n\r\n".encode())
    return client


def publisher(serving, session_id):
    """publish(sequence): one large event that the row knows nothing of."""
    filler = json.dumps("x" * LARGE)
    return lambda sequence: serving.announce(session_id, sequence=sequence, filler=filler)


async def test_a_slow_reader_gets_the_newest_and_the_end_while_others_get_everything(fast):
    """Each event waits for the quick reader. The slow one reads a little of each and is never taken for dead."""
    session_id = fast.batch()
    publish = publisher(fast, session_id)
    slow = await asyncio.to_thread(raw, fast, session_id, "websocket", receive_buffer=4096)
    async with watching(read_socket, fast.socket_url(session_id)) as quick:
        await until(lambda: fast.open_streams() == 2, "both watchers")
        start = b""
        for sequence in range(10, 70):
            await asyncio.to_thread(publish, sequence)
            await until(lambda: quick.sequences[-1] == sequence, "the quick one's event")  # noqa: B023
            start += await asyncio.to_thread(slow.recv, 8192)
            if sequence % 10 == 0:  # seldom: a client that sends much is closed
                slow.sendall(EMPTY_TEXT)
        await asyncio.to_thread(fast.announce, session_id, sequence=200, type="complete")
        await until(lambda: quick.task.done(), "the quick one's end")
        received = await asyncio.to_thread(read_to_the_end, slow, start)
    assert quick.sequences[1:] == [*range(10, 70), 200]
    slow_ones = [json.loads(text)["sequence"] for text in received]
    assert slow_ones == sorted(set(slow_ones))
    assert slow_ones[-1] == 200
    assert len(slow_ones) < 30, "what it could not take in time was replaced by newer events"


async def test_who_reads_the_end_seconds_after_it_was_sent_still_finds_it(fast):
    session_id = fast.batch()
    publish = publisher(fast, session_id)
    late = await asyncio.to_thread(raw, fast, session_id, "websocket", receive_buffer=4096)
    await until(lambda: fast.open_streams() == 1, "the watcher")
    await asyncio.to_thread(publish, 10)
    await asyncio.to_thread(fast.announce, session_id, sequence=11, type="complete")
    await asyncio.sleep(4)
    received = await asyncio.to_thread(read_to_the_end, late)
    assert json.loads(received[-1])["type"] == "complete"


async def test_who_never_answers_the_closing_frame_is_cut_off(fast):
    session_id = fast.batch()
    silent = await asyncio.to_thread(raw, fast, session_id, "websocket")
    await until(lambda: fast.open_streams() == 1, "the watcher")
    descriptors = fast.descriptors()
    await asyncio.to_thread(fast.announce, session_id, sequence=11, type="complete")
    with silent:
        await asyncio.to_thread(silent.recv, 65536)
        await until(lambda: fast.descriptors() < descriptors, "the end of its connection", seconds=DROPPED_S)


def read_to_the_end(client, buffer=b""):
    """The text frames of a websocket until it is closed. buffer : what was read already"""
    texts = []
    with client, contextlib.suppress(ConnectionError):
        while data := client.recv(65536):
            buffer += data
            if buffer.endswith(b"\x88\x02\x03\xe8"):  # close, 1000
                break
    buffer = buffer.partition(b"\r\n\r\n")[2]
    while buffer[:1] != b"\x88":
        size, start = buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:start], "big")
        if buffer[0] == 0x81:
            texts.append(buffer[start : start + size])
        buffer = buffer[start + size :]
    return texts


def vanish(client):
    """From now on the kernel throws away whatever comes for this socket, and answers nothing: the laptop is shut."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes
    client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(drop_all)))


async def test_watchers_that_read_nothing_or_vanished_are_dropped_and_cost_little(fast):
    session_id = fast.batch()
    publish = publisher(fast, session_id)
    stuck = [
        await asyncio.to_thread(raw, fast, session_id, kind, receive_buffer=4096)
        for kind in ("websocket", "stream") * 20
    ]
    quiet_batch = fast.batch()  # pings and heartbeats only
    silent = await asyncio.to_thread(raw, fast, quiet_batch, "websocket")
    gone = [await asyncio.to_thread(raw, fast, quiet_batch, kind) for kind in ("websocket", "stream")]
    with contextlib.ExitStack() as open_sockets:
        for client in (*stuck, silent, *gone):
            open_sockets.enter_context(client)
        for client in gone:
            await asyncio.to_thread(client.recv, 4096)
            vanish(client)
        async with watching(read_socket, fast.socket_url(session_id)) as quick:
            await until(lambda: fast.open_streams() == 44, "all watchers")
            before, began, sequence = fast.memory(), time.monotonic(), 10
            while fast.open_streams() > 1:
                await asyncio.to_thread(publish, sequence)
                sequence += 1
                await asyncio.sleep(0.1)
                assert time.monotonic() - began < promised(DROPPED_S), f"{fast.open_streams()} are still held"
            assert fast.memory() - before < 40 * 500_000
            behind = (sequence - 1) - quick.sequences[-1]
            assert behind <= 2
            assert not quick.task.done()


@pytest.mark.extended
@pytest.mark.timeout(400)
async def test_watchers_that_come_and_go_leave_nothing_behind(serving):
    """A leak grows with each round; the C library's heap, in steps that become rare: 0.5 MB, on some machines 2 MB."""
    session_id = serving.batch()
    await churn(serving, session_id, 2 * ROUND)
    lowest, descriptors = [await lowest_memory(serving, session_id)], serving.descriptors()
    while len(lowest) < 3 or lowest[-1] - lowest[-3] > 2 * ROUND * LEAK:
        assert len(lowest) < 12, f"{[after - before for before, after in itertools.pairwise(lowest)]} more bytes"
        lowest.append(await lowest_memory(serving, session_id))
    await until(lambda: serving.descriptors() <= descriptors + KEPT, "the descriptors to be closed")
    await until(lambda: serving.subscriptions() == 0, "the subscription to end")


async def lowest_memory(serving, session_id):
    """The memory right after a full collection, after which it rises by the garbage of up to 500 connections.

    The server collects at the first poll after 500 connections, so it is watched until polls have followed the last.
    """
    readings = []

    async def sample():
        while True:
            readings.append(await asyncio.to_thread(serving.memory))
            await asyncio.sleep(0.1)

    sampling = asyncio.create_task(sample())
    try:
        await churn(serving, session_id, ROUND)
        polled = len(readings) + 30
        await until(lambda: len(readings) > polled, "the polls after the last connection")
    finally:
        sampling.cancel()
    return min(readings)


async def churn(serving, session_id, cycles):
    """Connect and leave, half politely, half with a reset, some before the answer; on both transports."""

    def connect_and_leave(number):
        client = raw(serving, session_id, ("websocket", "stream")[number % 2])
        if number % 5:
            client.recv(4096)
        if number % 4 < 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        client.close()

    for start in range(0, cycles, 20):
        await asyncio.gather(*(asyncio.to_thread(connect_and_leave, number) for number in range(start, start + 20)))
    await until(lambda: serving.open_streams() == 0, "the server to forget them")


def test_other_responses_arrive_complete(serving):
    answer = httpx.get(f"{serving.url}/static/batches/live-feed.js")
    assert answer.status_code == 200
    assert len(answer.content) == int(answer.headers["Content-Length"])


async def test_a_client_that_answers_pings_is_kept(serving):
    session_id = serving.batch()
    async with websockets.connect(serving.socket_url(session_id), ping_interval=1, ping_timeout=5) as connection:
        assert json.loads(await connection.recv())["type"] == "connected"
        await asyncio.wait_for(await connection.ping(), 5)
    for read, url in both(serving, session_id):
        async with watching(read, url) as seen:
            assert seen.kinds == ["connected"]
