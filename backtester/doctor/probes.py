"""Requests, event streams and websockets through a public address, as a browser makes them."""

import ssl
import time
from asyncio import BaseTransport
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

TIMEOUT_S = 10.0


class Site:
    """A public address, and an HTTP client for it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"The address must be http://name or https://name, got {url!r}.")
        self.netloc, self.origin = parts.netloc, f"{parts.scheme}://{parts.netloc}"
        self.url = self.origin + parts.path.rstrip("/")
        self.tls = ssl.create_default_context()
        self.http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Accept": "application/json"},
            timeout=TIMEOUT_S,
            verify=self.tls,
            trust_env=False,  # a proxy of this machine would answer instead of the site's
        )
        self.identity: dict[str, str] = {}

    def sign_in(self, token: str | None) -> None:
        self.identity = {"Authorization": f"Bearer {token}"} if token else {}
        self.http.headers.update(self.identity)

    @asynccontextmanager
    async def event_stream(self, path: str) -> AsyncIterator["EventStream"]:
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip", "Origin": self.origin}
        async with self.http.stream(
            "GET", path, headers=headers, timeout=httpx.Timeout(TIMEOUT_S, read=None)
        ) as answer:
            yield EventStream(answer)

    def websocket(self, path: str, *, origin: str) -> "DirectConnect":
        return DirectConnect(
            f"ws{self.url.removeprefix('http')}{path}",
            origin=Origin(origin),
            additional_headers=self.identity,
            create_connection=WebSocket,
            ssl=self.tls if self.origin.startswith("https") else None,
            proxy=None,
            open_timeout=TIMEOUT_S,
            close_timeout=1,
            ping_interval=None,
            max_size=None,
        )


def body_of(response: httpx.Response) -> Any:
    """Return the body, decoded if it is JSON."""
    try:
        return response.json()
    except ValueError:
        return response.text


class EventStream:
    """heard_at : monotonic seconds of the last line."""

    def __init__(self, response: httpx.Response) -> None:
        self.status, self.headers = response.status_code, response.headers
        self.lines = response.aiter_lines()
        self.is_inside_event = False
        self.opened_at = self.heard_at = time.monotonic()

    async def receive(self) -> str | None:
        """Return the next line, None at the end."""
        try:
            line = await anext(self.lines)
        except (StopAsyncIteration, httpx.RemoteProtocolError):  # the latter: cut off by a proxy
            return None
        self.heard_at = time.monotonic()
        self.is_inside_event = bool(line) and not line.startswith(":")
        return line


class WebSocket(ClientConnection):
    """heard_at : monotonic seconds of the last bytes. They may be a ping, which `recv` does not return."""

    is_inside_event = False  # messages are whole

    def connection_made(self, transport: BaseTransport) -> None:
        self.opened_at = self.heard_at = time.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        super().data_received(data)

    async def receive(self) -> str | None:
        """Return the next message, None at the end."""
        try:
            return str(await self.recv())
        except ConnectionClosed:
            return None


class DirectConnect(connect):
    """Follows no redirects: browsers do not either."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
