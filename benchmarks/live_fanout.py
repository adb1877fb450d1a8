"""The practical limit: a websocket fan-out of asyncio and a Redis subscription, without Django and without limits.

Run with the number of a listening socket. With the name of a Redis channel instead, it is the floor: one client that
records how long each message took.
"""

import asyncio
import base64
import hashlib
import os
import socket
import sys
import time

import orjson
import redis.asyncio
from channels_redis.serializers import registry

from benchmarks.live_watchers import raise_file_limit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FIRST = b'{"type":"connected","sequence":1,"sentAtMs":0}'


class Socket(asyncio.Protocol):
    """One watcher."""

    by_batch: dict[str, set["Socket"]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.batch = transport, ""

    def data_received(self, data: bytes) -> None:
        if self.batch:
            return
        head, *lines = data.split(b"\r\n")
        self.batch = head.split(b"/")[-3].split()[0].decode()
        key = next(line.split(b": ")[1] for line in lines if line.startswith(b"Sec-WebSocket-Key"))
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        answer = b"HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
        self.transport.write(answer % accept + frame(FIRST))
        self.by_batch.setdefault(self.batch, set()).add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.by_batch.get(self.batch, set()).discard(self)


def frame(payload: bytes) -> bytes:
    """A text frame of a server."""
    size = len(payload)
    return (bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


async def serve(number: int) -> None:
    """Hand each message to the watchers of its batch."""
    raise_file_limit()
    listener = socket.socket(fileno=number)
    await asyncio.get_running_loop().create_server(Socket, sock=listener)
    serializer = registry.get_serializer("msgpack")
    async with redis.asyncio.from_url(os.environ["REDIS_URL"]).pubsub() as subscription:
        await subscription.psubscribe("*")
        print("ready", flush=True)
        async for message in subscription.listen():
            if message["type"] == "pmessage":
                event = serializer.deserialize(message["data"])
                data = frame(event["text"].encode())
                for watcher in list(Socket.by_batch.get(event["session"], ())):
                    watcher.transport.write(data)
                    if event["kind"] != "progress":
                        watcher.transport.close()


async def floor(channel: str) -> None:
    """Print the seconds each message took, until the terminal one."""
    serializer, seconds = registry.get_serializer("msgpack"), []
    async with redis.asyncio.from_url(os.environ["REDIS_URL"]).pubsub() as subscription:
        await subscription.subscribe(channel)
        print("ready", flush=True)
        async for message in subscription.listen():
            if message["type"] == "message":
                event = serializer.deserialize(message["data"])
                seconds.append(time.time() - orjson.loads(event["text"])["sentAtMs"] / 1000)
                if event["kind"] != "progress":
                    break
    print(orjson.dumps(seconds).decode(), flush=True)


if __name__ == "__main__":
    argument = sys.argv[1]
    asyncio.run(serve(int(argument)) if argument.isdigit() else floor(argument))
