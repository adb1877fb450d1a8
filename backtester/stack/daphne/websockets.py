"""Websockets: a client sends little, so frames are counted and sized before any of them becomes a message."""

import time
from typing import Any

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor

from backtester.stack.daphne.raw_answers import raw_answer, server_error

MAX_MESSAGE_BYTES = 1_024
MAX_HANDSHAKE_BYTES = 32 * 1024  # the request, which Daphne passes on, and what follows before it is accepted
FRAMES, FRAMES_PER_S = 10.0, 2.0  # pings and pongs included; a browser sends one ping every few seconds
TOO_MANY_FRAMES, TOO_BIG = 4429, 1009  # close codes
LINGER_S = 1.0  # for the client to read why


class LimitedWebSocket(WebSocketProtocol):
    """A websocket that is closed when its client sends too much."""

    # For incoming messages: what is sent does not pass through Autobahn's checks (`BackpressureServer.frame_for`).
    maxMessagePayloadSize = maxFramePayloadSize = MAX_MESSAGE_BYTES
    frames, frames_at = FRAMES, 0.0  # a token bucket
    is_refused = False

    def dataReceived(self, data: bytes) -> None:
        if self.is_refused:
            return
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > MAX_HANDSHAKE_BYTES:
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def processData(self) -> bool:
        """Take the next frame; False ends the loop over what was received."""
        return not self.is_refused and bool(super().processData())

    def onFrameBegin(self) -> None:
        now = time.monotonic()
        self.frames = min(FRAMES, self.frames + FRAMES_PER_S * (now - self.frames_at)) - 1
        self.frames_at = now
        if self.frames < 0:
            self.refuse(TOO_MANY_FRAMES, f"The limit is {FRAMES_PER_S:g} messages per second.")
        else:
            super().onFrameBegin()

    def refuse(self, code: int, reason: str) -> None:
        """Send the closing frame, read nothing more, and drop the connection soon."""
        self.is_refused = True
        self.data = b""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code, reason.encode())
        self.transport.pauseProducing()
        reactor.callLater(LINGER_S, self.transport.abortConnection)

    def _max_message_size_exceeded(self, size: int, limit: int, reason: str) -> None:
        self.refuse(TOO_BIG, f"A message must be at most {MAX_MESSAGE_BYTES:,} bytes.")

    def sendHttpErrorResponse(self, code: int, reason: str, headers: Any = None) -> None:
        """Answer a handshake that is refused."""
        error = server_error(code, reason)
        error.headers |= dict(headers or ())
        self.sendData(raw_answer(error))

    def connectionLost(self, reason: Any) -> None:
        self.factory.server_class.http_factory.open -= 1
        super().connectionLost(reason)
        self.data = b""


class LimitedWebSocketFactory(WebSocketFactory):
    protocol = LimitedWebSocket
