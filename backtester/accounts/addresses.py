"""The address under which the requests of a client are counted."""

import ipaddress


def counted_as(address: str) -> str:
    """Return the IPv4 address, or the /64 network of an IPv6 address: one client has all addresses of a network."""
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return address  # empty over a unix socket
    if isinstance(client, ipaddress.IPv6Address):
        return str(client.ipv4_mapped or ipaddress.IPv6Network((int(client), 64), strict=False).network_address)
    return str(client)
