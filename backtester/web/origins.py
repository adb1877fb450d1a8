"""Which machines may talk to us, and which pages of other sites: in personal mode this machine; none, unless listed.

Programs send no Origin and are let through; browsers always send it with a WebSocket or a cross-site POST.
"""

import ipaddress
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_known_origin(origin: str | None, host: str) -> bool:
    """Whether a request with this Origin may act: none given, our own, or listed.

    origin : as the browser sent it, e.g. `http://localhost:8000`; host : the Host header, port included.
    """
    if origin is None:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return host != "" and origin.partition("://")[2].lower() == host.lower()


def is_known_host(host: str) -> bool:
    """Whether the Host header names us; a foreign one is the sign of DNS rebinding."""
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def is_near(address: str) -> bool:
    """Whether a client's address is one that may come: in personal mode one of this machine.

    No address: it came over a unix socket.
    """
    if settings.ACCESS_MODE == "team" or settings.TRUST_NETWORK or not address:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def is_welcome(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from one of our pages, or from a program."""
    if not is_near((scope.get("client") or ("", 0))[0]):
        return False
    headers = {name: value.decode("latin1") for name, value in scope.get("headers", [])}
    host = headers.get(b"host", "")
    return is_known_host(host) and is_known_origin(headers.get(b"origin"), host)


class SameOriginOnly:
    """ASGI wrapper: a WebSocket handshake from a foreign page, or for a foreign host, gets 403."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if is_welcome(scope):  # in a function: its headers need not wait here, in memory, as long as the socket lives
            await self.application(scope, receive, send)
            return
        await receive()  # the handshake; channels' own denier would ask Redis for a channel first
        await send({"type": "websocket.close"})
