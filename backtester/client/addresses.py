"""Addresses of servers, and links to batches."""

import os
import re
import uuid
from urllib.parse import quote, urlsplit, urlunsplit

from backtester.client.errors import ClientError

DEFAULT_URL = "http://127.0.0.1:8000"
ROUTES = re.compile(r"/(?:api/backtest/batch|ws/backtest/batch|batches)(?:/|$)")
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def server_address(url: str | None) -> str:
    """Return the server's address without a trailing slash: `url`, else BACKTESTER_URL, else that of `make run`."""
    address = url or os.environ.get("BACKTESTER_URL") or DEFAULT_URL
    parts = urlsplit(address if "//" in address else f"http://{address}")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ClientError(f"The address must look like http://host or https://host, got {address[:80]!r}.")
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/"), "", ""))


def find_token(token: str | None, address: str) -> str | None:
    """Return `token`, else BACKTESTER_TOKEN. A link may lead anywhere: the latter is sent to BACKTESTER_URL only."""
    if token:
        return token
    is_other_server = "BACKTESTER_URL" in os.environ and server_address(None) != address
    return None if is_other_server else os.environ.get("BACKTESTER_TOKEN") or None


def split_link(text: str) -> tuple[str | None, str]:
    """Return (server address or None, session id) of an id, or of a link to a page, API route or websocket."""
    match = re.search(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", text, re.IGNORECASE)
    if match is None:
        raise ClientError(f"A batch must be named by its id or a link to it, got {text[:80]!r}.")
    session_id = str(uuid.UUID(match[0]))
    if "/" not in text:
        return None, session_id
    parts = urlsplit(text if "//" in text else f"http://{text}")
    route = ROUTES.search(parts.path)
    prefix = parts.path[: route.start()] if route else ""
    return server_address(f"{parts.scheme}://{parts.netloc}{prefix}"), session_id


def websocket_url(address: str, session_id: str) -> str:
    return f"{address.replace('http', 'ws', 1)}/ws/backtest/batch/{quote(session_id, safe='')}/"
