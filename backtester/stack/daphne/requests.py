"""HTTP requests: their bodies have limits, what breaks is cut off, and each refusal has the one shape.

Daphne reads a whole body before the application sees it, so a large one is refused while it arrives. The response is
sent immediately. What the client still sends is discarded for `LINGER_S` before the connection is closed: a client that
is cut off while it sends never reads the response.
"""

from typing import Any

import orjson
from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet import reactor

from backtester.stack.daphne.raw_answers import raw_answer, server_error
from backtester.web.headers import error_headers
from backtester.web.uploads import may_upload
from batches.errors import BatchError, Busy

LINGER_S = 5.0
FORM_BYTES = 64 * 1024  # what a multipart form adds to the file
MAX_UPLOADS = 8  # that arrive or wait at the same time
NO_THREAD = "can't start new thread"  # Python has no type for this error


class LimitedRequest(WebRequest):
    """A request whose body has a limit: that of price files where one may be uploaded, else that of JSON."""

    received = 0
    refused = False

    def __init__(self, *args: Any) -> None:
        # Twisted would parse each form in memory, in vain: Django parses it.
        super().__init__(*args, parsePOSTFormSubmission=False)

    @property
    def is_large(self) -> bool:
        return bool(self.received > settings.BATCH_MAX_BODY_BYTES)

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too large; a chunked one has no length yet."""
        error = self._refusal(length or 0)
        super().gotLength(0 if error else length)
        if error:
            self._refuse(error)

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        if not self.refused and (error := self._refusal(self.received)):
            self._refuse(error)
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def handle_exception(self, exception: BaseException) -> None:
        """Cut a response that has begun, so that the client does not take a part of a file for all of it."""
        if self._response_started:
            self.channel.transport.abortConnection()
        elif NO_THREAD in str(exception):
            self.send_error(Busy("The server cannot start another thread. Try again later."))
        else:
            self.send_error(server_error(500, "details are in the server log"))

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Send an error of Daphne's own."""
        self.send_error(server_error(status, body))

    def send_error(self, error: BatchError) -> None:
        body = orjson.dumps(error.as_json())
        headers = [*error_headers(error), (b"Content-Length", b"%d" % len(body))]
        self.handle_reply({"type": "http.response.start", "status": error.status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body})

    def finish(self) -> None:
        self.server.uploads.discard(self)
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self.server.uploads.discard(self)
        super().connectionLost(reason)

    def _refusal(self, length: int) -> BatchError | None:
        """Return why a body of this length is refused, or None. Counts the uploads."""
        if length <= settings.BATCH_MAX_BODY_BYTES:
            return None
        name, limit, way_out = "BATCH_MAX_BODY_BYTES", settings.BATCH_MAX_BODY_BYTES, ""
        headers = [(k.lower(), value) for k, values in self.requestHeaders.getAllRawHeaders() for value in values]
        if may_upload(self.channel.path, headers):
            name, limit = "PRICES_MAX_BYTES", settings.PRICES_MAX_BYTES + FORM_BYTES
            way_out = " Compress the file with gzip, or load it with manage.py load_prices."
        if length > limit:
            message = f"The body must be at most {limit:,} bytes ({name}).{way_out}"
            return BatchError(message, code="BODY_TOO_LARGE", status=413)
        if len(self.server.uploads | {self}) > MAX_UPLOADS:
            return Busy(f"{MAX_UPLOADS} files are being uploaded already. Try again later.")
        self.server.uploads.add(self)
        return None

    def _refuse(self, error: BatchError) -> None:
        self.refused = True
        self.content.seek(0)
        self.content.truncate()
        self.channel.transport.write(raw_answer(error))
        reactor.callLater(LINGER_S, self.channel.loseConnection)
