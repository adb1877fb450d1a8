"""The little that is needed to look at a server from outside: one request, one event stream, one websocket.

By hand, over plain sockets: a library would hide what a proxy in between has done.
"""

import base64
import http.client
import json
import os
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 10.0
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Site:
    """A public address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no address; http://name or https://name is wanted.")
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port or (443 if self.secure else 80)
        self.netloc, self.origin = parts.netloc, f"{parts.scheme}://{parts.netloc}"
        self.prefix = parts.path.rstrip("/")
        self.identity: dict[str, str] = {}

    def sign_in(self, token: str | None) -> None:
        """Everything is asked with the token from now on."""
        self.identity = {"Authorization": f"Bearer {token}"} if token else {}

    def connection(self) -> http.client.HTTPConnection:
        """A new one."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=TIMEOUT_S)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        """Status, body (JSON if it is), headers."""
        connection = self.connection()
        given = {"Host": self.netloc, "Accept": "application/json"} | self.identity | headers
        payload = None
        if body is not None:
            payload, given["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            connection.request(method, self.prefix + path, payload, given)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text), answer.headers
        except ValueError:
            return answer.status, text.decode(errors="replace"), answer.headers

    def socket(self) -> socket.socket:
        """A raw one, with TLS where the address says so."""
        plain = socket.create_connection((self.host, self.port), timeout=TIMEOUT_S)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self.secure else plain


class EventStream:
    """An open event stream; `status` and `headers` are known when it is made."""

    def __init__(self, site: Site, path: str) -> None:
        self.connection = site.connection()
        headers = {"Host": site.netloc, "Accept": "text/event-stream", "Accept-Encoding": "gzip", "Origin": site.origin}
        self.connection.request("GET", site.prefix + path, headers=headers | site.identity)
        self.answer = self.connection.getresponse()
        self.status, self.headers = self.answer.status, self.answer.headers

    def line(self, deadline: float) -> bytes:
        """The next line; empty at the end. TimeoutError at the deadline (monotonic seconds)."""
        if self.connection.sock is not None:
            self.connection.sock.settimeout(max(0.01, deadline - time.monotonic()))
        return self.answer.readline()

    def close(self) -> None:
        """Leave."""
        self.answer.close()
        self.connection.close()


class Refused(Exception):
    """A websocket handshake that was answered with something else than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class WebSocket:
    """An open websocket."""

    def __init__(self, site: Site, path: str, *, origin: str) -> None:
        self.socket = site.socket()
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {site.prefix}{path} HTTP/1.1", f"Host: {site.netloc}", f"Origin: {origin}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
            *(f"{name}: {value}" for name, value in site.identity.items()),
        ]  # fmt: skip
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.buffer = b""  # not a file of the socket: that would be of no use after a timeout
        words = self._line().split()
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if status != 101:
            self.close()
            raise Refused(status)
        while self._line():
            pass  # the headers of the answer say nothing more

    def frame(self, deadline: float) -> tuple[int, bytes]:
        """(kind, payload); pings are answered. EOFError at the end, TimeoutError at the deadline."""
        self.socket.settimeout(max(0.01, deadline - time.monotonic()))
        while len(self.buffer) < 2:
            self._receive()
        size, start = self.buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            while len(self.buffer) < start:
                self._receive()
            size = int.from_bytes(self.buffer[2:start], "big")
        frame = self._exactly(start + size)  # all or nothing, so that a timeout loses no byte
        kind, payload = frame[0] & 0x0F, frame[start:]
        if kind == PING:
            self.send(PONG, payload)
        return kind, payload

    def send(self, kind: int, payload: bytes) -> None:
        """A short frame, masked with zeros."""
        self.socket.sendall(bytes([0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    def close(self) -> None:
        """Leave."""
        self.socket.close()

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._receive()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def _line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            self._receive()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data
