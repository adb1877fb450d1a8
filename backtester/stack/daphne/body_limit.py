"""Refuse large request bodies while they arrive: Daphne reads a whole body before the application sees it.

The response is sent immediately. What the client still sends is discarded for `LINGER_S` before the connection is
closed: a client that is cut off while it sends never reads the response.
"""

from typing import Any, cast

import orjson
from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from twisted.internet import reactor

from batches.errors import BatchError

LINGER_S = 5.0
FORM_BYTES = 64 * 1024  # what a multipart form adds to the file


class LimitedRequest(WebRequest):
    """A request whose body has a limit: that of price files for multipart forms, else that of JSON."""

    received = 0
    refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Refuse a body that is announced as too large; a chunked one has no length yet."""
        too_large = (length or 0) > self._limit()[1]
        super().gotLength(0 if too_large else length)
        if too_large:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.received += len(data)
        if not self.refused and self.received > self._limit()[1]:
            self._refuse()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
        if self.refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def _limit(self) -> tuple[str, int]:
        content_type = self.requestHeaders.getRawHeaders(b"content-type", [b""])[0]
        if content_type.lower().startswith(b"multipart/form-data"):
            return "PRICES_MAX_BYTES", settings.PRICES_MAX_BYTES + FORM_BYTES
        return "BATCH_MAX_BODY_BYTES", settings.BATCH_MAX_BODY_BYTES

    def _refuse(self) -> None:
        self.refused = True
        self.content.seek(0)
        self.content.truncate()
        name, limit = self._limit()
        error = BatchError(f"The body must be at most {limit:,} bytes ({name}).", code="BODY_TOO_LARGE", status=413)
        body = orjson.dumps(error.as_json())
        head = (
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n"
        )
        self.channel.transport.write(head % len(body) + body)
        cast(Any, reactor).callLater(LINGER_S, self.channel.loseConnection)


class LimitedHTTPFactory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = LimitedRequest
        return protocol
