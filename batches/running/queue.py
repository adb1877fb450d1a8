"""Wake the workers with messages that say only that there is work.

Messages may be lost or doubled: whose turn it is stands in the database, and the watchdog wakes the workers again.
"""

import logging
import os
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
WAKEN = 4  # workers at once; each wakes another one while there is work and a free worker
MOST_MESSAGES = 16  # waiting messages; more would add nothing
PRODUCERS, TIMEOUT_S = 8, 0.5
breaker = CircuitBreaker(open_s=1.0)


def wake_workers(messages: int = WAKEN) -> bool:
    """Send messages, each worth one time slice of one worker. Return False if the broker cannot be reached."""
    if breaker.is_open:
        return False
    try:
        messages = min(messages, MOST_MESSAGES - _length())
        with _producers(os.getpid()).acquire(block=True, timeout=TIMEOUT_S) as producer:  # type: ignore[no-untyped-call]
            for _ in range(messages):
                current_app.send_task(RUN_SLICE, producer=producer, retry=False)
    except (KombuError, redis.RedisError, OSError) as error:
        breaker.trip()
        log.warning("workers not woken, left to the watchdog: %s", error)
        return False
    return True


def hand_on() -> bool:
    """Replace the message of a worker that stops with work left; with two if none waits, as other workers may be idle.

    Return False if the broker cannot be reached.
    """
    return wake_workers(1 if queue_length() else 2)


@lru_cache(maxsize=1)
def _producers(_pid: int) -> ProducerPool:
    """Return this process's producers. Celery's own would retry for seconds while Redis is away, and block requests."""
    connection = current_app.connection_for_write()
    connection.transport_options |= {"max_retries": 0, "socket_timeout": TIMEOUT_S, "socket_connect_timeout": 0.25}
    return ProducerPool(connection.Pool(PRODUCERS), PRODUCERS)  # type: ignore[no-untyped-call]


def queue_length() -> int | None:
    """Return the number of waiting messages, None if the broker cannot be reached."""
    try:
        return _length()
    except redis.RedisError:
        return None


def _length() -> int:
    return int(redis_client().llen(f"{settings.REDIS_PREFIX}:{settings.CELERY_TASK_DEFAULT_QUEUE}"))
