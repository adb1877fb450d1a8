"""One client that does its worst, in its own process: `python -m benchmarks.attackers KIND ADDRESS BATCH SECONDS`."""

import base64
import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

MEBIBYTE = 2**20
UPLOAD = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.csv\r\n\r\n"


class Target:
    """The server, and a batch of a million tests in it."""

    def __init__(self, address: str, batch: str, seconds: float) -> None:
        host, port = address.split(":")
        self.host, self.address, self.batch = address, (host, int(port)), batch
        self.ends_at = time.monotonic() + seconds

    def is_on(self) -> bool:
        return time.monotonic() < self.ends_at

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    def get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode()

    def websocket(self) -> socket.socket:
        client = self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /ws/backtest/batch/{self.batch}/ HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        client.recv(4096)
        return client


def flood(target: Target) -> None:
    """Send small frames without end, and connect again when the server has closed."""
    frames = (b"\x81\x81\0\0\0\0x" + b"\x89\x80\0\0\0\0") * 5_000
    while target.is_on():
        with contextlib.suppress(OSError), target.websocket() as client:
            while target.is_on():
                client.sendall(frames)


def frames(target: Target) -> None:
    """Begin large messages on twenty websockets, and leave."""
    while target.is_on():
        with contextlib.ExitStack() as clients:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    client = clients.enter_context(target.websocket())
                    client.sendall(b"\x81\xff" + struct.pack("!Q", 16 * MEBIBYTE) + b"\0\0\0\0" + b"x" * 15 * MEBIBYTE)


def uploads(target: Target) -> None:
    """Send files of 60 MB where none is taken, and where one is, from many connections."""

    def upload(path: str) -> None:
        while target.is_on():
            with contextlib.suppress(OSError), target.connect() as client:
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: {target.host}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                )
                client.sendall(f"{head}Content-Length: {60 * MEBIBYTE}\r\nConnection: close\r\n\r\n".encode() + UPLOAD)
                rest = 60 * MEBIBYTE - len(UPLOAD)
                for sent in range(0, rest, MEBIBYTE):
                    client.sendall(b"x,y\n" * (min(MEBIBYTE, rest - sent) // 4))
                client.recv(4096)

    together([upload] * 16, [("/login/",), ("/api/instruments",)] * 8)


def heads(target: Target) -> None:
    """Open a thousand connections, and send a byte of a head on each now and then."""
    clients = []
    for _ in range(1_000):
        with contextlib.suppress(OSError):
            clients.append(target.connect())
            clients[-1].sendall(b"GET / HTTP/1.1\r\n")
    while target.is_on():
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"X")
        time.sleep(1)


def reads(target: Target) -> None:
    """Start twelve sorted downloads and read none of them; look at forty sorted pages together, again and again."""
    metrics = ("sharpe", "sortino", "calmar", "trades", "winRate", "maxDrawdown", "totalReturn", "volatility")
    sleeping = []
    for number in range(12):
        sleeping.append(target.connect())
        sort = metrics[number % len(metrics)]
        sleeping[-1].sendall(target.get(f"/api/backtest/batch/{target.batch}/results.csv?sort=-{sort}"))

    def look(number: int) -> None:
        while target.is_on():
            sort, bound = metrics[number % len(metrics)], f"min.{metrics[number // 8 % 8]}=0.0{number}"
            path = f"/api/backtest/batch/{target.batch}/results?sort=-{sort}&{bound}&page={1 + number % 3 * 2000}"
            with contextlib.suppress(OSError), target.connect() as client:
                client.settimeout(60)
                client.sendall(target.get(path))
                while client.recv(65_536):
                    pass

    together([look] * 40, [(number,) for number in range(40)])


def together(functions: list[Callable[..., None]], arguments: list[tuple[object, ...]]) -> None:
    threads = [
        threading.Thread(target=function, args=args) for function, args in zip(functions, arguments, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


KINDS: dict[str, Callable[[Target], None]] = {
    "flood": flood, "frames": frames, "uploads": uploads, "heads": heads, "reads": reads,
}  # fmt: skip


if __name__ == "__main__":
    KINDS[sys.argv[1]](Target(sys.argv[2], sys.argv[3], float(sys.argv[4])))
