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

from backtester.stack.daphne.channels import LimitedHTTPFactory
from backtester.stack.daphne.server import HANDSHAKE_ATTRIBUTES, BackpressureServer
from backtester.stack.daphne.websockets import LimitedWebSocketFactory

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
ON_CLASSES = [
    (daphne_server, "HTTPFactory"),
    (daphne_server, "WebSocketFactory"),
    (daphne_server.Server, "application_checker"),
    (daphne_server.Server, "create_application"),
    (daphne_server.Server, "handle_reply"),
    (daphne_server.Server, "kill_all_applications"),
    (daphne_server.Server, "protocol_disconnected"),
    (daphne_server.Server, "run"),
    (daphne_server.Server, "timeout_checker"),
    (CommandLineInterface, "entrypoint"),
    (CommandLineInterface, "server_class"),
    (HTTPFactory, "buildProtocol"),
    (HTTPChannel, "_respondToBadRequestAndDisconnect"),
    (HTTPChannel, "_savedTimeOut"),
    (HTTPChannel, "allContentReceived"),
    (HTTPChannel, "allHeadersReceived"),
    (HTTPChannel, "connectionLost"),
    (HTTPChannel, "connectionMade"),
    (HTTPChannel, "dataReceived"),
    (HTTPChannel, "loseConnection"),
    (HTTPChannel, "persistent"),
    (HTTPChannel, "requestDone"),
    (HTTPChannel, "requestFactory"),
    (HTTPChannel, "resetTimeout"),
    (HTTPChannel, "setTimeout"),
    (HTTPChannel, "timeOut"),
    (HTTPChannel, "timeoutConnection"),
    (WebRequest, "basic_error"),
    (WebRequest, "check_timeouts"),
    (WebRequest, "connectionLost"),
    (WebRequest, "finish"),
    (WebRequest, "gotLength"),
    (WebRequest, "handleContentChunk"),
    (WebRequest, "handle_exception"),
    (WebRequest, "handle_reply"),
    (WebRequest, "registerProducer"),
    (WebRequest, "requestReceived"),
    (WebRequest, "unregisterProducer"),
    (WebSocketFactory, "protocol"),
    (WebSocketProtocol, "STATE_CLOSING"),
    (WebSocketProtocol, "STATE_CONNECTING"),
    (WebSocketProtocol, "STATE_OPEN"),
    (WebSocketProtocol, "_max_message_size_exceeded"),
    (WebSocketProtocol, "check_timeouts"),
    (WebSocketProtocol, "connectionLost"),
    (WebSocketProtocol, "dataReceived"),
    (WebSocketProtocol, "dropConnection"),
    (WebSocketProtocol, "onFrameBegin"),
    (WebSocketProtocol, "processData"),
    (WebSocketProtocol, "sendCloseFrame"),
    (WebSocketProtocol, "sendData"),
    (WebSocketProtocol, "sendHttpErrorResponse"),
    (WebSocketProtocol, "serverClose"),
    (tcp.Port, "transport"),
    (tcp.Server, "TLS"),
    (tcp.Server, "abortConnection"),
    (tcp.Server, "connected"),
    (tcp.Server, "getPeer"),
    (tcp.Server, "pauseProducing"),
    (tcp.Server, "registerProducer"),
    (tcp.Server, "resumeProducing"),
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
    ("channel", "factory"),
    ("channel", "requests"),
    ("channel", "transport"),
    ("server", "application"),
    ("server", "application_close_timeout"),
    ("server", "connections"),
    ("server", "listeners"),
    ("server", "ping_interval"),
    ("request", "_parsePOSTFormSubmission"),
    ("request", "_response_started"),
    ("request", "channel"),
    ("request", "content"),
    ("request", "method"),
    ("request", "requestHeaders"),
    ("request", "responseHeaders"),
    ("request", "server"),
    ("request", "transport"),
    ("websocket", "closeHandshakeTimeout"),
    ("websocket", "data"),
    ("websocket", "factory"),
    ("websocket", "last_ping"),
    ("websocket", "maxFramePayloadSize"),
    ("websocket", "maxMessagePayloadSize"),
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
    server.http_factory, server.ws_factory = LimitedHTTPFactory(server), LimitedWebSocketFactory(server, server="")
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
        "channel": connection,
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
