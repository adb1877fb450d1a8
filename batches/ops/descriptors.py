"""How many connections a server process may hold: each is a file descriptor, and the database needs some too."""

import resource

from django.conf import settings

MOST_RESERVED = 1_024  # for the database, files and Redis; of a small limit half


def max_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int(soft - min(soft // 2, MOST_RESERVED))


def max_streams() -> tuple[int, str]:
    """Return the limit of open streams, and what sets it. A quarter of the connections is left for other requests."""
    limit = max_connections() * 3 // 4
    return (limit, "RLIMIT_NOFILE") if limit < settings.STREAMS_MAX else (settings.STREAMS_MAX, "STREAMS_MAX")
