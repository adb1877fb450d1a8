"""The server with its connections, on a transport and a clock in memory."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from backtester.stack.daphne import channels, requests, server, websockets
from backtester.web.headers import POLICIES

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Transport(StringTransport):
    """A connection of one client, which says whether it was cut off."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """As TCP."""


class Server(server.BackpressureServer):
    """Without a port."""

    def __init__(self, application: Any = None) -> None:
        super().__init__(application, endpoints=["tcp:0"], server_name="")
        self.connections: dict[Any, Any] = {}
        self.http_factory = channels.LimitedHTTPFactory(self)
        self.ws_factory = websockets.LimitedWebSocketFactory(self, server="")
        self.clock = Clock()

    def connect(self) -> tuple[Any, Transport]:
        """(protocol, transport) of a new connection."""
        protocol, transport = self.http_factory.buildProtocol(None), Transport()
        protocol.callLater = self.clock.callLater
        protocol.makeConnection(transport)
        transport.protocol = protocol
        return protocol, transport


@contextlib.asynccontextmanager
async def in_memory(monkeypatch: pytest.MonkeyPatch, application: Any = None) -> AsyncIterator[Server]:
    """A server whose timers are those of its clock."""
    made = Server(application)
    for module in (requests, server, websockets):
        monkeypatch.setattr(module, "reactor", made.clock)
    yield made
    for protocol, details in made.connections.items():
        if getattr(protocol, "content", None):
            protocol.content.close()
        if task := details.get("application_instance"):
            task.cancel()


def answer(transport: Transport) -> tuple[int, dict[str, str], Any]:
    """(status, headers, JSON) of what the server wrote."""
    head, _, body = transport.value().partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), orjson.loads(body)


def has_policies(headers: dict[str, str]) -> bool:
    """Whether each security header is there."""
    return headers.items() >= POLICIES.items()
