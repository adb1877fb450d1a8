"""The undocumented names of Daphne, Twisted and Autobahn that `backtester/stack/daphne/` uses still exist.

An upgrade that removes one fails here at once, by name.
"""

import asyncio

import daphne.server as daphne_server
import pytest
from autobahn.websocket.protocol import PreparedMessage
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel

from backtester.stack.daphne.server import HANDSHAKE_ATTRIBUTES, BackpressureServer

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ON_CLASSES = [
    (daphne_server, "HTTPFactory"),
    (daphne_server.Server, "handle_reply"),
    (daphne_server.Server, "kill_all_applications"),
    (daphne_server.Server, "run"),
    (daphne_server.Server, "timeout_checker"),
    (CommandLineInterface, "entrypoint"),
    (CommandLineInterface, "server_class"),
    (HTTPFactory, "buildProtocol"),
    (HTTPChannel, "loseConnection"),
    (HTTPChannel, "requestFactory"),
    (WebRequest, "check_timeouts"),
    (WebRequest, "gotLength"),
    (WebRequest, "handleContentChunk"),
    (WebRequest, "registerProducer"),
    (WebRequest, "requestReceived"),
    (WebRequest, "unregisterProducer"),
    (WebSocketProtocol, "STATE_CLOSING"),
    (WebSocketProtocol, "STATE_OPEN"),
    (WebSocketProtocol, "check_timeouts"),
    (WebSocketProtocol, "dropConnection"),
    (WebSocketProtocol, "serverClose"),
    (tcp.Port, "transport"),
    (tcp.Server, "TLS"),
    (tcp.Server, "connected"),
    (tcp.Server, "registerProducer"),
    (tcp.Server, "unregisterProducer"),
    (tcp.Server, "write"),
    (tcp.Server, "writeSequence"),
    (tcp.Server, "writeSomeData"),
]
ON_INSTANCES = [
    ("connection", "_tempDataBuffer"),
    ("connection", "_writeDisconnected"),
    ("connection", "dataBuffer"),
    ("message", "payloadHybi"),
    ("server", "connections"),
    ("server", "listeners"),
    ("server", "ping_interval"),
    ("request", "channel"),
    ("request", "content"),
    ("request", "method"),
    ("request", "requestHeaders"),
    ("request", "responseHeaders"),
    ("websocket", "closeHandshakeTimeout"),
    ("websocket", "last_ping"),
    ("websocket", "request"),
    ("websocket", "state"),
    ("websocket", "transport"),
    *(("websocket", name) for name in HANDSHAKE_ATTRIBUTES),
]


@pytest.fixture
async def instances():
    """A server with one open websocket in memory, and what else the package touches."""

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()

    server = BackpressureServer(application, endpoints=["tcp:0"])
    server.connections = {}
    server.http_factory, server.ws_factory = HTTPFactory(server), WebSocketFactory(server, server="daphne")
    connection = server.http_factory.buildProtocol(None)
    connection.makeConnection(StringTransport())
    connection.dataReceived(HANDSHAKE)
    request, websocket = server.connections
    while websocket.state != WebSocketProtocol.STATE_OPEN:
        await asyncio.sleep(0)
    yield {
        "server": server,
        "request": request,
        "websocket": websocket,
        "connection": FileDescriptor(),
        "message": PreparedMessage(b"text", isBinary=False, applyMask=False, doNotCompress=True),
    }
    server.connections[websocket]["application_instance"].cancel()


@pytest.mark.parametrize(("owner", "name"), ON_CLASSES)
def test_a_class_has_the_name(owner, name):
    assert hasattr(owner, name)


@pytest.mark.parametrize(("owner", "name"), ON_INSTANCES)
async def test_an_instance_has_the_name(instances, owner, name):
    assert hasattr(instances[owner], name)


async def test_the_handshake_is_freed_and_the_application_is_kept_by_its_name(instances):
    websocket = instances["websocket"]
    assert [getattr(websocket, name) for name in HANDSHAKE_ATTRIBUTES] == [None] * len(HANDSHAKE_ATTRIBUTES)
    assert websocket.request.headers is None
    assert not instances["server"].connections[websocket]["application_instance"].done()
