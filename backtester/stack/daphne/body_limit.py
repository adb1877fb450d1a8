"""Daphne keeps a request's body in memory before the application sees it, so what is too large is refused here.

The refusal goes out at once. What the client still sends is thrown away for a moment before the connection is closed:
a client that is cut off while it sends never reads why.
"""

from typing import Any, cast

import orjson
from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from twisted.internet import reactor

from batches.errors import BatchError

LINGER_S = 5.0
FORM_BYTES = 64 * 1024  # what a form adds around the file it carries


class LimitedRequest(WebRequest):
    """A request whose body has a limit: that of a file for forms with files, else that of JSON."""

    received = 0
    refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's word
        """The headers are here; a chunked body has no length yet."""
        too_large = (length or 0) > self._limit()[1]
        super().gotLength(0 if too_large else length)
        if too_large:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        """A piece of the body."""
        self.received += len(data)
        if not self.refused and self.received > self._limit()[1]:
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        """The body is complete."""
        if self.refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def _limit(self) -> tuple[str, int]:
        kind = self.requestHeaders.getRawHeaders(b"content-type", [b""])[0]
        if kind.lower().startswith(b"multipart/form-data"):
            return "PRICES_MAX_BYTES", settings.PRICES_MAX_BYTES + FORM_BYTES
        return "BATCH_MAX_BODY_BYTES", settings.BATCH_MAX_BODY_BYTES

    def _refuse(self) -> None:
        self.refused = True
        self.content.seek(0)
        self.content.truncate()
        name, limit = self._limit()
        error = BatchError(f"The body is larger than {limit:,} bytes ({name}).", code="BODY_TOO_LARGE", status=413)
        body = orjson.dumps(error.as_json())
        head = (
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n"
        )
        self.channel.transport.write(head % len(body) + body)
        cast(Any, reactor).callLater(LINGER_S, self.channel.loseConnection)


class LimitedHTTPFactory(HTTPFactory):
    """Connections whose requests have the limit."""

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        """A new connection."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = LimitedRequest
        return protocol
