"""The address and the scheme of a client, also behind trusted proxies.

`X-Forwarded-For` and `X-Forwarded-Proto` count only as far as trusted proxies wrote them: a client can send any value.
"""

import ipaddress
from typing import Any

from django.conf import settings

# X-Forwarded-Proto, by type of the scope. Several values are ignored: whose they are is unknown.
SCHEMES = {
    "http": {"http": "http", "https": "https"},
    "websocket": {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"},
}


def is_trusted(address: str) -> bool:
    """Return whether the address is in TRUSTED_PROXIES. Over a unix socket there is none."""
    if not address:
        return "unix" in settings.TRUSTED_PROXIES
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return any((mapped or peer) in network for network in settings.TRUSTED_PROXIES if network != "unix")


def client_of(peer: str, forwarded: str) -> str:
    """Return the nearest address that is not a trusted proxy's. Those to the left of it can be forged.

    peer : the other end of the connection; forwarded : X-Forwarded-For, to which each proxy appends its client
    """
    client, hops = peer, forwarded.split(",")
    while hops and is_trusted(client):
        try:
            client = str(ipaddress.ip_address(hops.pop().strip()))
        except ValueError:
            break  # not an address: the proxy is the nearest that is known
    return client


class BehindProxies:
    """Put the client's own address and scheme into the scope. The outermost application: the others check them."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.application(with_client(scope) if settings.TRUSTED_PROXIES else scope, receive, send)


def with_client(scope: dict[str, Any]) -> dict[str, Any]:
    peer = (scope.get("client") or ("", 0))[0]
    if not is_trusted(peer):
        return scope
    client = client_of(peer, _header(scope, b"x-forwarded-for"))
    scheme = SCHEMES.get(scope["type"], {}).get(_header(scope, b"x-forwarded-proto").strip().lower())
    return scope | ({"client": [client, 0]} if client != peer else {}) | ({"scheme": scheme} if scheme else {})


def _header(scope: dict[str, Any], header: bytes) -> str:
    return b",".join(value for name, value in scope.get("headers", ()) if name == header).decode("latin1")
