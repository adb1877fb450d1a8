"""Connections: their number is limited, and each request must arrive in time.

Twisted's timer starts again with each byte, so a client that sends a byte every few seconds would stay for ever. Here
the timer is a deadline: for the head of a request, for each part of its body, and for the next request.
"""

from typing import Any

from daphne.http_protocol import HTTPFactory
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import TimeoutMixin
from twisted.web.http import HTTPChannel

from backtester.accounts.addresses import counted_as
from backtester.stack.daphne.raw_answers import raw_answer, server_error
from backtester.stack.daphne.requests import LimitedRequest
from backtester.web.proxies import is_trusted
from batches.errors import Busy
from batches.ops.descriptors import max_connections

HEAD_S = 10.0
BODY_S = 60.0
BODY_BYTES_PER_S = 64 * 1024  # of a body that takes longer than BODY_S
KEEP_ALIVE_S = 60.0  # between two requests
BUSY_S = 2.0
IDLE_SHARE, FEWEST_IDLE = 16, 64  # one address may have this part of all connections without a request
MOST_REFUSED = 512  # at the same time; more are closed without a word


class LimitedChannel(HTTPChannel):
    """An HTTP connection with deadlines."""

    requestFactory = LimitedRequest
    timeOut = HEAD_S
    is_kept_alive = False
    received_before = 0  # bytes of a body, at the last deadline

    @property
    def path(self) -> bytes:
        """The path of the request that arrives, with its query string."""
        return bytes(self._path)

    def connectionMade(self) -> None:
        super().connectionMade()
        self.factory.add_idle(self)

    def resetTimeout(self) -> None:
        """Do nothing: Twisted calls this for each byte."""

    def dataReceived(self, data: bytes) -> None:
        if self.is_kept_alive:
            self.is_kept_alive = False
            self.setTimeout(HEAD_S)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        self.received_before = 0
        self.setTimeout(BODY_S)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        self.setTimeout(None)
        self.factory.remove_idle(self)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        if self.persistent:
            self.is_kept_alive = True
            self._savedTimeOut = KEEP_ALIVE_S  # Twisted starts it, unless the next request is here already
            self.factory.add_idle(self)
        super().requestDone(request)

    def timeoutConnection(self) -> None:
        received = self.requests[-1].received if self.requests else 0
        if received - self.received_before >= BODY_S * BODY_BYTES_PER_S:
            self.received_before = received
            self.setTimeout(BODY_S)
            return
        if not self.is_kept_alive:
            self.transport.write(raw_answer(server_error(408, "the request did not arrive in time")))
        super().timeoutConnection()

    def connectionLost(self, reason: Any) -> None:
        self.factory.open -= 1
        self.factory.remove_idle(self)
        super().connectionLost(reason)

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.transport.write(raw_answer(server_error(400, "the request cannot be read")))
        self.loseConnection()


class RefusedConnection(Protocol, TimeoutMixin):
    """A connection for which there is no room. It waits for the request: a client may not read before it has sent."""

    def connectionMade(self) -> None:
        self.setTimeout(BUSY_S)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(raw_answer(Busy("The server has no room for another connection. Try again later.")))
        self.transport.loseConnection()

    def timeoutConnection(self) -> None:
        self.transport.abortConnection()

    def connectionLost(self, reason: Any) -> None:
        self.factory.open -= 1
        self.setTimeout(None)


class LimitedHTTPFactory(HTTPFactory):
    """Builds the connections, and closes the oldest idle ones of an address that has too many."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.max_connections = max_connections()
        self.max_idle = max(self.max_connections // IDLE_SHARE, FEWEST_IDLE)
        self.open = 0
        self.idle: dict[str, dict[LimitedChannel, None]] = {}  # by address, the oldest first

    def buildProtocol(self, addr: Any) -> Any:
        if self.open >= self.max_connections + min(self.max_connections // 2, MOST_REFUSED):
            return None  # Twisted closes it
        protocol = RefusedConnection() if self.open >= self.max_connections else LimitedChannel()
        protocol.factory = self
        self.open += 1
        return protocol

    def add_idle(self, channel: LimitedChannel) -> None:
        address = address_of(channel)
        if is_trusted(address):  # the clients of a proxy share its connections
            return
        channels = self.idle.setdefault(counted_as(address), {})
        channels[channel] = None
        if len(channels) > self.max_idle:
            oldest = next(iter(channels))
            self.remove_idle(oldest)
            oldest.loseConnection()

    def remove_idle(self, channel: LimitedChannel) -> None:
        address = counted_as(address_of(channel))
        channels = self.idle.get(address, {})
        channels.pop(channel, None)
        if not channels:
            self.idle.pop(address, None)


def address_of(channel: LimitedChannel) -> str:
    """Return the address of the client, "" over a unix socket."""
    return str(getattr(channel.transport.getPeer(), "host", ""))
