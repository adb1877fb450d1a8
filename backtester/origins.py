"""Which pages of other sites may talk to us: none, unless they are listed.

Programs send no Origin and are let through; browsers always send it with a WebSocket or a cross-site POST.
"""

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


def is_welcome(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from one of our pages, or from a program."""
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
