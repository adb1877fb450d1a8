"""This process's connection to Redis for hints, counts and signs of life: none of them may hold up work."""

from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_S = 0.25


@lru_cache(maxsize=1)
def redis_client() -> "redis.Redis[Any]":
    """With tight limits: a missing or hung Redis costs a quarter of a second at most."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
