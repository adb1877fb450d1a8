"""Headers, timeouts and websockets that both clients use."""

from typing import Any

import httpx
from websockets.asyncio.client import connect as async_connect
from websockets.sync.client import ClientConnection, connect

TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # seconds without a byte
EVENT_STREAM_OPTIONS: dict[str, Any] = {
    "headers": {"Accept": "text/event-stream", "Cache-Control": "no-cache"},
    "timeout": httpx.Timeout(30.0, connect=10.0),  # the server sends a heartbeat every 15 s
}
WEBSOCKET_OPTIONS: dict[str, Any] = {"max_size": None, "open_timeout": 10, "close_timeout": 1}


def authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def async_websocket(url: str, headers: dict[str, str]) -> async_connect:
    return async_connect(url, additional_headers=headers, **WEBSOCKET_OPTIONS)


def websocket(url: str, headers: dict[str, str]) -> ClientConnection:
    connection: ClientConnection = connect(url, additional_headers=headers, **WEBSOCKET_OPTIONS)
    return connection
