"""The messages that wait for an application. Daphne puts them into a queue without a limit."""

import asyncio
import io
from typing import Any

from daphne.http_protocol import WebRequest

PIECE_BYTES = 64 * 1024
MAX_WAITING = 4  # messages of one websocket


class RequestInbox(asyncio.Queue[dict[str, Any]]):
    """The body of a request, a piece at a time: Daphne would put all of it into memory."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.body, protocol.content = protocol.content, io.BytesIO()  # Daphne reads an empty body

    def put_nowait(self, message: dict[str, Any]) -> None:
        if message["type"] != "http.request":
            super().put_nowait(message)

    async def receive(self) -> dict[str, Any]:
        if self.body is None:
            return await self.get()
        piece = self.body.read(PIECE_BYTES)
        if is_last := len(piece) < PIECE_BYTES:
            self.body.close()
            self.body = None
        else:
            await asyncio.sleep(0)  # others' turn
        return {"type": "http.request", "body": piece, "more_body": not is_last}


class SocketInbox(asyncio.Queue[dict[str, Any]]):
    """Messages of a websocket. While too many wait, nothing is read from the client."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self.protocol = protocol

    async def receive(self) -> dict[str, Any]:
        return await self.get()

    def _put(self, message: dict[str, Any]) -> None:
        super()._put(message)
        if message["type"] == "websocket.disconnect":
            self.protocol = None  # else the two would keep each other in memory
        elif self.qsize() > MAX_WAITING:
            self.protocol.transport.pauseProducing()

    def _get(self) -> dict[str, Any]:
        if self.qsize() == MAX_WAITING + 1 and self.protocol is not None and not self.protocol.is_refused:
            self.protocol.transport.resumeProducing()
        return super()._get()


def inbox_of(protocol: Any) -> RequestInbox | SocketInbox:
    return RequestInbox(protocol) if isinstance(protocol, WebRequest) else SocketInbox(protocol)
