"""Queue batches for the workers.

Messages carry ids only and may be lost or doubled: claims and the watchdog put that right.
"""

import logging
import os
import uuid
from functools import lru_cache

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool

from batches.ops.redis_connection import redis_client
from batches.running.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)
RUN_SLICE = "batches.tasks.run_slice"
QUEUE_DEPTH = 4  # messages of one batch in the queue: enough to keep a few workers busy, few enough to be fair
PRODUCERS, TIMEOUT_S = 8, 0.5
breaker = CircuitBreaker(open_s=1.0)


def enqueue(session_id: uuid.UUID, *, messages: int = 1) -> bool:
    """Send messages, each worth one time slice of one worker. Return False if the broker cannot be reached.

    A batch has only a few messages in the queue at a time, whatever its size, so that batches take turns.
    """
    if breaker.is_open:
        return False
    try:
        with _producers(os.getpid()).acquire(block=True, timeout=TIMEOUT_S) as producer:  # type: ignore[no-untyped-call]
            for _ in range(messages):
                current_app.send_task(RUN_SLICE, args=[str(session_id)], producer=producer, retry=False)
    except (KombuError, redis.RedisError, OSError) as error:
        breaker.trip()
        log.warning("batch not queued, left to the watchdog: batch %s: %s", session_id, error)
        return False
    return True


@lru_cache(maxsize=1)
def _producers(_pid: int) -> ProducerPool:
    """Return this process's producers. Celery's own would retry for seconds while Redis is away, and block requests."""
    connection = current_app.connection_for_write()
    connection.transport_options |= {"max_retries": 0, "socket_timeout": TIMEOUT_S, "socket_connect_timeout": 0.25}
    return ProducerPool(connection.Pool(PRODUCERS), PRODUCERS)  # type: ignore[no-untyped-call]


def queue_length() -> int | None:
    """Return the number of waiting messages, None if the broker cannot be reached."""
    try:
        return int(redis_client().llen(f"{settings.REDIS_PREFIX}:{settings.CELERY_TASK_DEFAULT_QUEUE}"))
    except redis.RedisError:
        return None
