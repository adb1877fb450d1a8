"""The connection to Redis for hints and heartbeats, which must never hold up work."""

from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_S = 0.25


@lru_cache(maxsize=1)
def redis_client() -> "redis.Redis[Any]":
    """Return this process's client. A missing or hung Redis costs `TIMEOUT_S` at most."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
