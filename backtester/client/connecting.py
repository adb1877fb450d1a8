"""How connections are made: what is sent with each request, and how long an answer may take."""

from typing import Any

import httpx

TIMEOUT = httpx.Timeout(60.0, connect=10.0)  # seconds without a byte
SILENCE_S = 30.0  # an event stream shows a sign of life every 15 s
STREAM_OPTIONS: dict[str, Any] = {
    "headers": {"Accept": "text/event-stream", "Cache-Control": "no-cache"},
    "timeout": httpx.Timeout(SILENCE_S, connect=10.0),
}
SOCKET_OPTIONS: dict[str, Any] = {"max_size": None, "open_timeout": 10, "close_timeout": 1}


def headers(token: str | None) -> dict[str, str]:
    """Of every request, the websocket's too."""
    return {"Authorization": f"Bearer {token}"} if token else {}
