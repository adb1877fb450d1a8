"""Run Daphne with back-pressure: `send` waits while the client does not read, as ASGI expects.

Daphne alone accepts everything at once and keeps in memory what the client does not read. Here a slow watcher has one
event pending, the newest, and a slow download one piece of its file. Takes Daphne's command line.
"""

import asyncio
import random
import resource
from functools import partial
from typing import Any

import daphne.server
from autobahn.websocket.protocol import PreparedMessage
from daphne.cli import CommandLineInterface
from daphne.server import Server  # installs the reactor that is imported below
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, reactor, tcp

from backtester.stack.daphne.backpressure import attach_backpressure
from backtester.stack.daphne.channels import LimitedHTTPFactory
from backtester.stack.daphne.cleanup import clean_up, for_each
from backtester.stack.daphne.inboxes import RequestInbox, SocketInbox, inbox_of
from backtester.stack.daphne.requests import LimitedRequest
from backtester.stack.daphne.shutdown import shutdown
from backtester.stack.daphne.transport import PromptConnection
from backtester.stack.daphne.websockets import LimitedWebSocketFactory

CLEANUP_S = 1.0
CHECK_S = 2.0
SLICES = 100  # the connections are checked in this many parts, spread over CHECK_S
MAX_CLOSE_CHECKS = 5
MAX_UPLOADS_READ = 2  # by applications at the same time; to read a file of prices takes several times its size
# Autobahn keeps these for the life of a websocket: more than a kilobyte each.
HANDSHAKE_ATTRIBUTES = (
    "http_request_data", "http_response_data", "http_headers", "http_status_line", "http_request_params",
)  # fmt: skip


class BackpressureServer(Server):
    """Daphne whose `send` waits for slow clients, and whose pings are spread over time."""

    slice = 0
    text, frame = "", b""  # the last message: all watchers of a batch get the same one in a row

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.uploads: set[LimitedRequest] = set()
        self.upload_turns = asyncio.Semaphore(MAX_UPLOADS_READ)

    def run(self) -> None:
        from batches.ops import counters, heartbeats  # only once the application is loaded

        heartbeats.keep_announcing(heartbeats.WEB, counters.open_streams)
        super().run()

    def kill_all_applications(self) -> "defer.Deferred[None]":
        """Shut down gracefully; the stopping reactor waits for the result."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(shutdown(self)))

    def timeout_checker(self) -> None:
        """Check a slice of the connections.

        Pinging five thousand at once delays every event by half a second.
        """
        try:
            self.slice = (self.slice + 1) % SLICES
            for_each(list(self.connections)[self.slice :: SLICES], check)
        finally:
            reactor.callLater(CHECK_S / SLICES, self.timeout_checker)

    def application_checker(self) -> None:
        """Clean up, and do so again: in Daphne's own loop the first error that a check raises is the last check."""
        try:
            for_each(list(self.connections), partial(clean_up, self))
        finally:
            reactor.callLater(CLEANUP_S, self.application_checker)

    def protocol_disconnected(self, protocol: Any) -> None:
        if protocol in self.connections:  # a refused websocket disconnects twice
            super().protocol_disconnected(protocol)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> RequestInbox | SocketInbox | None:
        """Run the application as Daphne does, with an inbox that is limited."""
        if protocol not in self.connections:
            return None
        scope.setdefault("asgi", {"version": "3.0"})
        inbox = inbox_of(protocol)
        application = self.application(scope, inbox.receive, partial(self.handle_reply, protocol))
        if getattr(protocol, "is_large", False):
            application = self._in_turn(application)
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def _in_turn(self, application: Any) -> None:
        async with self.upload_turns:
            await application

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        kind = message["type"]
        backpressure = getattr(protocol, "backpressure", None)
        if backpressure is None and kind in {"http.response.start", "websocket.send"}:
            backpressure = protocol.backpressure = attach_backpressure(protocol)
        if backpressure is not None and backpressure.paused is not None:
            await backpressure.paused.wait()
        if kind == "websocket.send" and message.get("text") and protocol.state == WebSocketProtocol.STATE_OPEN:
            protocol.transport.write(self.frame_for(message["text"]))
            return
        if kind == "http.response.body":
            prepare_body(protocol, message)
        await super().handle_reply(protocol, message)
        if kind == "websocket.accept":
            protocol.last_ping -= random.uniform(0, self.ping_interval)  # spread the pings of sockets opened together
            free_handshake(protocol)

    def frame_for(self, text: str) -> bytes:
        """Return the websocket frame of a text. Autobahn would build it again for each connection."""
        if text is not self.text:
            message = PreparedMessage(text.encode(), isBinary=False, applyMask=False, doNotCompress=True)
            self.text, self.frame = text, message.payloadHybi
        return self.frame


def check(protocol: Any) -> None:
    protocol.check_timeouts()
    if isinstance(protocol, WebSocketProtocol) and protocol.state == WebSocketProtocol.STATE_CLOSING:
        drop_if_unresponsive(protocol)


def prepare_body(protocol: Any, message: dict[str, Any]) -> None:
    if protocol.method == b"HEAD":
        message["body"] = b""  # Daphne drops only the first piece; the client would read the others as a response
    if not message.get("more_body") and getattr(protocol, "producer", None):
        protocol.unregisterProducer()  # Twisted requires it before a request finishes


def free_handshake(protocol: Any) -> None:
    """Free what an open websocket does not need."""
    protocol.closeHandshakeTimeout = 0  # see `drop_if_unresponsive`
    for name in HANDSHAKE_ATTRIBUTES:
        setattr(protocol, name, None)
    protocol.request.headers = None


def drop_if_unresponsive(protocol: Any) -> None:
    """Drop a client that has not answered the closing frame after `MAX_CLOSE_CHECKS` checks.

    Autobahn's own timeout is between zero and one second, and drops all clients due in the same second at once: a slow
    client lost the terminal event, and the others got theirs more than 0.1 s late.
    """
    protocol.close_checks = getattr(protocol, "close_checks", 0) + 1
    if protocol.close_checks > MAX_CLOSE_CHECKS:
        protocol.dropConnection(abort=True)


def main() -> None:
    """Run Daphne's command line, with as many open files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tcp.Port.transport = PromptConnection
    daphne.server.HTTPFactory = LimitedHTTPFactory
    daphne.server.WebSocketFactory = LimitedWebSocketFactory
    CommandLineInterface.server_class = BackpressureServer
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
