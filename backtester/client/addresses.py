"""Where a server is, and which batch a link means."""

import os
import re
import uuid
from urllib.parse import quote, urlsplit, urlunsplit

from backtester.client.errors import ClientError

DEFAULT_URL = "http://127.0.0.1:8000"
ROUTES = re.compile(r"/(?:api/backtest/batch|ws/backtest/batch|batches)(?:/|$)")
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def server_address(given: str | None) -> str:
    """The address without a slash at the end: the given one, BACKTESTER_URL's, or that of `make run`."""
    address = given or os.environ.get("BACKTESTER_URL") or DEFAULT_URL
    parts = urlsplit(address if "//" in address else f"http://{address}")
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ClientError(f"{address[:80]!r} is no address; http://name or https://name is wanted.")
    return urlunsplit((SCHEMES[parts.scheme], parts.netloc, parts.path.rstrip("/"), "", ""))


def find_token(given: str | None, address: str) -> str | None:
    """The given token, else BACKTESTER_TOKEN's. A link may lead anywhere: that one is for BACKTESTER_URL alone."""
    if given:
        return given
    is_foreign = "BACKTESTER_URL" in os.environ and server_address(None) != address
    return None if is_foreign else os.environ.get("BACKTESTER_TOKEN") or None


def split_link(text: str) -> tuple[str | None, str]:
    """(address or None, session id) of an id, or of a link to a page, an API route or a websocket of a batch."""
    found = re.search(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", text, re.IGNORECASE)
    if found is None:
        raise ClientError(f"{text[:80]!r} is neither the id of a batch nor a link to one.")
    session_id = str(uuid.UUID(found[0]))
    if "/" not in text:
        return None, session_id
    parts = urlsplit(text if "//" in text else f"http://{text}")
    route = ROUTES.search(parts.path)
    prefix = parts.path[: route.start()] if route else ""
    return server_address(f"{parts.scheme}://{parts.netloc}{prefix}"), session_id


def socket_url(address: str, session_id: str) -> str:
    """The websocket of a batch."""
    return f"{address.replace('http', 'ws', 1)}/ws/backtest/batch/{quote(session_id, safe='')}/"
