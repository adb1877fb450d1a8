"""Which processes are there, on whatever host: each says so every few seconds in Redis, with a word that fades."""

import os
import socket

import orjson
import redis
from django.conf import settings

from batches.ops.redis_connection import redis_client

WORKER_HOST = socket.gethostname()[:60]
FADES_S = 15  # several times the interval at which anybody announces itself
WORKER, WATCHDOG, WEB = "worker", "watchdog", "web"


def process_name() -> str:
    """This process, as it signs its claims; the watchdog of the same host sees when it is gone."""
    return f"{WORKER_HOST}:{os.getpid()}"


def announce(role: str, **numbers: float) -> bool:
    """Say that this process is there, and some numbers about it. False: Redis does not take it; the next one may."""
    try:
        redis_client().set(f"{_prefix(role)}{process_name()}", orjson.dumps(numbers), ex=FADES_S)
    except redis.RedisError:
        return False
    return True


def present(role: str) -> dict[str, dict[str, float]]:
    """{process: its numbers} of those who spoke lately. Raises redis.RedisError."""
    prefix, client = _prefix(role), redis_client()
    keys = list(client.scan_iter(match=f"{prefix}*", count=1000))
    told = client.mget(keys) if keys else []
    return {
        key.decode().removeprefix(prefix): orjson.loads(numbers)
        for key, numbers in zip(keys, told, strict=True)
        if numbers is not None  # it has faded in between
    }


def _prefix(role: str) -> str:
    return f"{settings.REDIS_PREFIX}:present:{role}:"
