"""Which machines may connect (in personal mode, only this one), and which other sites' pages (only those listed).

Programs send no Origin header and are accepted; browsers always send it with a WebSocket or a cross-site POST.
"""

import ipaddress
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_known_origin(origin: str | None, scheme: str, host: str) -> bool:
    """Return whether the origin is absent, our own, or listed. Django's check of forms compares the scheme too.

    origin : the header, e.g. `http://localhost:8000`; scheme : of this request; host : the Host header, port included
    """
    if origin is None:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return host != "" and origin.lower() == f"{scheme}://{host}".lower()


def page_scheme(scope: dict[str, Any]) -> str:
    """Return the scheme of the page that may open the websocket. With HTTPS=true the site has no others."""
    return "https" if settings.HTTPS or scope.get("scheme") in {"https", "wss"} else "http"


def is_known_host(host: str) -> bool:
    """Return whether the Host header names this site; a foreign one is a sign of DNS rebinding."""
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def is_allowed_address(address: str) -> bool:
    return settings.ACCESS_MODE == "team" or settings.TRUST_NETWORK or is_loopback(address)


def is_loopback(address: str) -> bool:
    """Return whether the client is on this machine. Over a unix socket there is no address."""
    if not address:
        return True
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = client.ipv4_mapped if isinstance(client, ipaddress.IPv6Address) else None
    return (mapped or client).is_loopback


def is_allowed_handshake(scope: dict[str, Any]) -> bool:
    """Return whether a handshake comes from one of our pages, or from a program."""
    if not is_allowed_address((scope.get("client") or ("", 0))[0]):
        return False
    headers = {name: value.decode("latin1") for name, value in scope.get("headers", [])}
    host = headers.get(b"host", "")
    return is_known_host(host) and is_known_origin(headers.get(b"origin"), page_scheme(scope), host)


class SameOriginOnly:
    """Refuse WebSocket handshakes from other sites' pages, or for another host, with 403."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if is_allowed_handshake(scope):  # a function, so that its locals are freed while the socket is open
            await self.application(scope, receive, send)
            return
        await receive()  # the handshake; the denier of Channels would ask Redis for a channel first
        await send({"type": "websocket.close"})
