"""Heartbeats: each process announces itself in Redis every few seconds, under a key that expires."""

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping

import orjson
import redis
from django.conf import settings

from batches.ops.redis_connection import redis_client

log = logging.getLogger(__name__)
WORKER_HOST = socket.gethostname()[:60]
INTERVAL_S = 2.0
TTL_S = 15  # several times the interval at which any process announces itself
WORKER, WATCHDOG, WEB = "worker", "watchdog", "web"


def process_name() -> str:
    """Return the name under which this process claims chunks; the watchdog of the same host checks the pid in it."""
    return f"{WORKER_HOST}:{os.getpid()}"


def announce(role: str, **numbers: float) -> bool:
    """Store a heartbeat with some numbers; return False when Redis is away."""
    try:
        redis_client().set(f"{_prefix(role)}{process_name()}", orjson.dumps(numbers), ex=TTL_S)
    except redis.RedisError:
        return False
    return True


def keep_announcing(role: str, numbers: Mapping[str, float]) -> None:
    """Announce this process, with the current numbers, from a thread until it ends."""

    def run() -> None:
        while True:
            try:
                announce(role, **numbers)
            except Exception:  # Redis away is no error; without the thread this process would seem dead
                log.exception("heartbeat failed, retrying in %g s", INTERVAL_S)
            time.sleep(INTERVAL_S)

    threading.Thread(target=run, name="heartbeats", daemon=True).start()


def present(role: str) -> dict[str, dict[str, float]]:
    """Return {process: its numbers} of the processes with a fresh heartbeat. Raises redis.RedisError."""
    prefix, client = _prefix(role), redis_client()
    keys = list(client.scan_iter(match=f"{prefix}*", count=1000))
    values = client.mget(keys) if keys else []
    return {
        key.decode().removeprefix(prefix): orjson.loads(numbers)
        for key, numbers in zip(keys, values, strict=True)
        if numbers is not None  # expired since the scan
    }


def _prefix(role: str) -> str:
    return f"{settings.REDIS_PREFIX}:present:{role}:"
