"""Watchers for the load test: raw sockets in a process of their own, so that measuring costs little beside the server.

They read the kernel's arrival stamps, so the load of this process does not count.
"""

import base64
import multiprocessing
import os
import re
import resource
import select
import socket
import struct
import time
import uuid
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

PROCESSES = 2
CONNECT_S = 60.0
SO_TIMESTAMPNS = 35  # Linux; Python has no name for it
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
ANSWERS = {PING: PONG, CLOSE: CLOSE}  # as every browser does
EVENT = re.compile(rb'"type":"(\w+)".*?"sequence":(\d+).*?"sentAtMs":([\d.]+)', re.DOTALL)


@dataclass
class Tally:
    """The events of one process. latencies, sent : seconds and instants, one for each event."""

    connected: int = 0
    received: int = 0
    skipped: int = 0  # sequences that a watcher did not get: replaced by newer ones, or lost
    doubled: int = 0
    disordered: int = 0
    terminals: dict[int, int] = field(default_factory=dict)  # watchers by number of terminal events
    closed_early: int = 0
    latencies: array = field(default_factory=lambda: array("d"))
    sent: array = field(default_factory=lambda: array("d"))

    def add(self, other: "Tally") -> None:
        """Add the tally of another process."""
        for name in ("connected", "received", "skipped", "doubled", "disordered", "closed_early"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for number, watchers in other.terminals.items():
            self.terminals[number] = self.terminals.get(number, 0) + watchers
        self.latencies.extend(other.latencies)
        self.sent.extend(other.sent)


class Watcher:
    """One open stream."""

    def __init__(self, address: tuple[str, int], path: str, *, sse: bool) -> None:
        self.sse, self.buffer, self.opened = sse, b"", False
        self.last, self.terminals = 0, 0
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.sendall(request(path, f"{address[0]}:{address[1]}", sse=sse))
        self.socket.setblocking(False)

    def read(self, tally: Tally) -> bool:
        """Read what has arrived. Return whether the stream is still open."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(1 << 18, 64)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        arrived = time.time()
        for level, kind, stamp in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("qq", stamp)
                arrived = seconds + nanoseconds / 1e9
        self.buffer += data
        frames = self.sse_frames() if self.sse else self.websocket_frames()
        for text in frames:
            self.take(text, arrived, tally)
        # The connection of an event stream may be used again; a browser closes it when the answer is complete.
        return not (self.sse and self.terminals and data.endswith(b"0\r\n\r\n"))

    def sse_frames(self) -> list[bytes]:
        """Whole events. The size lines of the chunks between them do no harm."""
        *frames, self.buffer = self.buffer.split(b"\n\n")
        return [frame for frame in frames if b"\ndata: {" in frame]

    def websocket_frames(self) -> list[bytes]:
        """Whole text frames; pings and the goodbye are answered."""
        if not self.opened:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return []
            assert head.startswith(b"HTTP/1.1 101"), head
            self.buffer, self.opened = rest, True
        frames, buffer = [], self.buffer
        while len(buffer) >= 2:
            size, start = buffer[1], 2
            if size == 126:
                size, start = int.from_bytes(buffer[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < start + size:
                break
            payload = buffer[start : start + size]
            if buffer[0] == TEXT:
                frames.append(payload)
            elif buffer[0] in ANSWERS:
                self.socket.send(bytes([ANSWERS[buffer[0]], 0x80 | len(payload), 0, 0, 0, 0]) + payload)
            buffer = buffer[start + size :]
        self.buffer = buffer
        return frames

    def take(self, text: bytes, arrived: float, tally: Tally) -> None:
        """Count an event."""
        match = EVENT.search(text)
        assert match, text[:300]
        kind, sequence, sent_ms = match[1], int(match[2]), float(match[3])
        if kind == b"connected":
            tally.connected += 1
            self.last = sequence
            return
        if sequence == self.last:
            tally.doubled += 1
        elif sequence < self.last:
            tally.disordered += 1
        else:
            tally.skipped += sequence - self.last - 1
            self.last = sequence
        self.terminals += kind != b"progress"
        tally.received += 1
        tally.latencies.append(arrived - sent_ms / 1000)
        tally.sent.append(sent_ms / 1000)


def request(path: str, host: str, *, sse: bool) -> bytes:
    """Return the HTTP request that opens a watcher."""
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n"
    if sse:
        return f"{head}Accept: text/event-stream\r\n\r\n".encode()
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    return f"{head}{upgrade}\r\n".encode()


def watch(pipe: Connection, address: tuple[str, int], paths: Sequence[str], *, sse: bool, seconds: float) -> None:
    """Open a watcher for each path, report it, and send a tally when all are closed, at the latest after `seconds`."""
    raise_file_limit()
    tally, poll, open_ones = Tally(), select.epoll(), {}
    for path in paths:
        watcher = Watcher(address, path, sse=sse)
        open_ones[watcher.socket.fileno()] = watcher
        poll.register(watcher.socket, select.EPOLLIN)
        for number, _ in poll.poll(0):
            open_ones[number].read(tally)
    deadline, is_reported = time.monotonic() + seconds, False
    while open_ones and time.monotonic() < deadline:
        if not is_reported and tally.connected == len(paths):
            pipe.send("connected")
            is_reported = True
        for number, _ in poll.poll(0.2):
            watcher = open_ones[number]
            if not watcher.read(tally):
                poll.unregister(number)
                watcher.socket.close()
                tally.closed_early += not watcher.terminals
                tally.terminals[watcher.terminals] = tally.terminals.get(watcher.terminals, 0) + 1
                del open_ones[number]
    for watcher in open_ones.values():
        tally.terminals[watcher.terminals] = tally.terminals.get(watcher.terminals, 0) + 1
    if not is_reported:
        pipe.send(f"only {tally.connected} of {len(paths)} watchers were connected in time")
    pipe.send(tally)


def open_watchers(
    address: tuple[str, int], batches: list[uuid.UUID], number: int, *, sse: bool, seconds: float
) -> list[tuple[SpawnProcess, Connection]]:
    """Start two processes with connected watchers, spread over the batches; each sends a `Tally` within `seconds`."""
    context = multiprocessing.get_context("spawn")
    path = "/api/backtest/batch/stream?sessionId={}" if sse else "/ws/backtest/batch/{}/"
    paths = [path.format(batches[which % len(batches)].hex) for which in range(number)]
    clients = []
    for which in range(PROCESSES):
        ours, theirs = context.Pipe()
        settings = {"sse": sse, "seconds": CONNECT_S + seconds}
        client = context.Process(target=watch, args=(theirs, address, paths[which::PROCESSES]), kwargs=settings)
        client.start()
        theirs.close()
        clients.append((client, ours))
    for _, pipe in clients:
        assert pipe.poll(CONNECT_S), "the watchers were not connected in time"
        report = pipe.recv()
        assert report == "connected", report
    return clients


def raise_file_limit() -> None:
    """Raise the limit of open files to the maximum."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
