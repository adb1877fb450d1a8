"""Whose a connection is: that of its other end, or, where a proxy of ours is there, of whom the proxy names.

What a client says of itself is never believed: `X-Forwarded-For` counts only as far as trusted proxies wrote it.
"""

import ipaddress
from typing import Any

from django.conf import settings


def is_trusted(address: str) -> bool:
    """Whether it is one of TRUSTED_PROXIES; no address: a unix socket."""
    if not address:
        return "unix" in settings.TRUSTED_PROXIES
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return any((mapped or found) in network for network in settings.TRUSTED_PROXIES if network != "unix")


def client_of(peer: str, forwarded: str) -> str:
    """The address nearest to us that is no trusted proxy's. What stands left of it may be anybody's invention.

    peer : the other end of the connection; forwarded : X-Forwarded-For, to which each proxy adds whom it serves
    """
    client, hops = peer, forwarded.split(",")
    while hops and is_trusted(client):
        try:
            client = str(ipaddress.ip_address(hops.pop().strip()))
        except ValueError:
            break  # no address: nobody nearer than the proxy is known
    return client


class BehindProxies:
    """ASGI wrapper, the outermost: whatever counts, checks or logs addresses finds the client's own in the scope."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.application(with_client(scope) if settings.TRUSTED_PROXIES else scope, receive, send)


def with_client(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope, with the client in place of a trusted proxy."""
    peer = (scope.get("client") or ("", 0))[0]
    forwarded = b",".join(value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for")
    client = client_of(peer, forwarded.decode("latin1"))
    return scope if client == peer else scope | {"client": [client, 0]}
