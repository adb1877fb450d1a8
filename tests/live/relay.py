"""A TCP relay between client and server that can delay, slow down or break connections."""

import asyncio
import contextlib
import socket
import struct
from typing import Self

PIECE = 4096
NO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset


class Relay:
    """`async with Relay(address) as relay:` listens on `relay.port`."""

    def __init__(self, target: tuple[str, int], *, receive_buffer: int = 0) -> None:
        self.target, self.receive_buffer = target, receive_buffer
        self.passing = asyncio.Event()
        self.passing.set()
        self.bytes_per_second = 0.0
        self.pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        self.cut()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def stall(self) -> None:
        """Hold all data without closing either side."""
        self.passing.clear()

    def heal(self) -> None:
        """Forward data again."""
        self.passing.set()

    def cut(self) -> None:
        """Close all connections."""
        for pair in list(self.pairs):
            for writer in pair:
                writer.close()

    def reset(self) -> None:
        """Reset all connections, like a router that has lost its state."""
        for pair in list(self.pairs):
            for writer in pair:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = socket.socket()
        if self.receive_buffer:
            upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, self.target)
        above = await asyncio.open_connection(sock=upstream, limit=PIECE)
        pair = (writer, above[1])
        self.pairs.add(pair)
        ways = [asyncio.create_task(self._pass(reader, above[1])), asyncio.create_task(self._pass(above[0], writer))]
        self.tasks.update(ways)
        try:
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self.tasks.difference_update(ways)
            self.pairs.discard(pair)
            for stream in pair:
                stream.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self.passing.wait()
                if not (data := await reader.read(PIECE)):
                    break
                await self.passing.wait()
                if self.bytes_per_second:
                    await asyncio.sleep(len(data) / self.bytes_per_second)
                writer.write(data)
                await writer.drain()
        if not writer.is_closing():
            with contextlib.suppress(OSError):
                writer.write_eof()
