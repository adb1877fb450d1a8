"""Daphne with what it lacks: a `send` that waits for a slow client, as ASGI servers are expected to have it.

Without it Daphne takes everything at once and keeps in memory what the client does not read. With it a slow watcher
keeps one event waiting, the newest, and a slow download holds one piece of its file. Run with Daphne's own arguments.
"""

import asyncio
import random
import resource
from typing import Any, cast

import daphne.server
from autobahn.websocket.protocol import PreparedMessage
from daphne.cli import CommandLineInterface
from daphne.http_protocol import WebRequest
from daphne.server import Server  # it installs the reactor that the next line names
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, reactor, tcp

from backtester.stack.daphne.body_limit import LimitedHTTPFactory
from backtester.stack.daphne.shutdown import say_farewell
from backtester.stack.daphne.transport import PromptConnection

CHECK_S = 2.0
SLICES = 100  # so many parts, each looked at in its own moment
GOODBYES = 5  # looks at a client that does not answer our closing frame before it is cut off
# What Autobahn keeps of it: more than a kilobyte for each watcher, as long as it is there.
HANDSHAKE = ("http_request_data", "http_response_data", "http_headers", "http_status_line", "http_request_params")


class Tap:
    """A producer in Twisted's sense: told to pause when more than its buffer (64 kB) waits to be sent."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed: asyncio.Event | None = None  # made when it is wanted: most taps are never closed

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's word
        """The buffer is full."""
        self.closed = self.closed or asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        """It is empty again."""
        if self.closed is not None:
            self.closed.set()
            self.closed = None

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone; nobody may be left waiting."""
        self.resumeProducing()


class DrainingServer(Server):
    """Daphne, waiting; and pinging its watchers one after the other."""

    slice = 0
    text, frame = "", b""  # the newest message: every watcher of a batch gets the same, one after the other

    def run(self) -> None:
        """The application is loaded by now, and tells of itself while the server runs."""
        from batches.ops.counters import keep_web_pushing

        keep_web_pushing()
        super().run()

    def kill_all_applications(self) -> "defer.Deferred[None]":
        """Called when the reactor is told to stop, which waits for it."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(say_farewell(self)))

    def timeout_checker(self) -> None:
        """A part of the connections at a time. All at once, five thousand pings and their answers hold up every event
        for half a second."""
        self.slice = (self.slice + 1) % SLICES
        for protocol in list(self.connections)[self.slice :: SLICES]:
            protocol.check_timeouts()
            if isinstance(protocol, WebSocketProtocol) and protocol.state == WebSocketProtocol.STATE_CLOSING:
                part(protocol)
        cast(Any, reactor).callLater(CHECK_S / SLICES, self.timeout_checker)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """What an application's `send` does."""
        kind = message["type"]
        tap = getattr(protocol, "tap", None)
        if tap is None and kind in {"http.response.start", "websocket.send"}:
            tap = protocol.tap = connect_tap(protocol)
        if tap is not None and tap.closed is not None:
            await tap.closed.wait()  # until it is open again
        if kind == "websocket.send" and message.get("text") and protocol.state == WebSocketProtocol.STATE_OPEN:
            protocol.transport.write(self.framed(message["text"]))
            return
        if kind == "http.response.body" and protocol.method == b"HEAD":
            message |= {"body": b""}  # Daphne holds back the first piece alone; the others would be read as an answer
        if kind == "http.response.body" and not message.get("more_body") and getattr(protocol, "producer", None):
            protocol.unregisterProducer()  # Twisted insists that it is gone before a request ends
        await super().handle_reply(protocol, message)
        if kind == "websocket.accept":
            protocol.last_ping -= random.uniform(0, self.ping_interval)  # those that came together: not together
            protocol.closeHandshakeTimeout = 0  # see `part`
            for name in HANDSHAKE:
                setattr(protocol, name, None)
            protocol.request.headers = None

    def framed(self, text: str) -> bytes:
        """As it goes over the wire. Autobahn makes a frame for each connection, with much ado for its log."""
        if text is not self.text:
            message = PreparedMessage(text.encode(), isBinary=False, applyMask=False, doNotCompress=True)
            self.text, self.frame = text, message.payloadHybi
        return self.frame


def part(protocol: Any) -> None:
    """Count the looks at a client that was told goodbye; cut it off when it has had long enough to answer.

    Autobahn gives it between none and one second, then cuts off all whose time falls into the same second at once: a
    slow client lost the terminal event, and the others waited a tenth of a second and more for theirs.
    """
    protocol.goodbyes = getattr(protocol, "goodbyes", 0) + 1
    if protocol.goodbyes > GOODBYES:
        protocol.dropConnection(abort=True)


def connect_tap(protocol: Any) -> Tap:
    """A tap between the protocol and its transport."""
    tap = Tap()
    if isinstance(protocol, WebRequest):
        if protocol.channel is not None:  # none: the client is gone
            protocol.registerProducer(tap, True)
    else:
        protocol.transport.unregisterProducer()  # the HTTP channel that the socket began as
        protocol.transport.registerProducer(tap, True)
    return tap


def main() -> None:
    """Daphne's command line, with room for as many sockets as we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tcp.Port.transport = PromptConnection
    daphne.server.HTTPFactory = LimitedHTTPFactory
    CommandLineInterface.server_class = DrainingServer
    CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
