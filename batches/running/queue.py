"""Put a batch into the queue.

Messages carry ids only, and may be lost or doubled: the watchdog and the claims see to it.
"""

import logging
import os
import uuid
from functools import lru_cache

import redis
from django.conf import settings
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool

from backtester.celery import app
from batches.ops.redis_connection import redis_client
from batches.running.events import Trouble

log = logging.getLogger(__name__)
SENDERS, PATIENCE_S = 8, 0.5
trouble = Trouble(seconds=1.0)
RUN_SLICE = "batches.tasks.run_slice"


def enqueue(session_id: uuid.UUID, *, messages: int = 1) -> bool:
    """Ask the workers to work on a batch. Each message is worth one time slice of one worker.

    A batch has only a few messages in the queue at a time, whatever its size, so that batches take turns.
    False: the queue cannot be reached; the watchdog will try again.
    """
    if trouble.is_fresh():
        return False
    try:
        with _producers(os.getpid()).acquire(block=True, timeout=PATIENCE_S) as producer:  # type: ignore[no-untyped-call]
            for _ in range(messages):
                app.send_task(RUN_SLICE, args=[str(session_id)], producer=producer, retry=False)
    except (KombuError, redis.RedisError, OSError) as error:
        trouble.note()
        log.warning("batch %s was not queued, the watchdog will: %s", session_id, error)
        return False
    return True


@lru_cache(maxsize=1)
def _producers(pid: int) -> ProducerPool:
    """This process's senders. Celery's own would try for seconds while Redis is away, and a request would wait."""
    connection = app.connection_for_write()
    connection.transport_options |= {"max_retries": 0, "socket_timeout": PATIENCE_S, "socket_connect_timeout": 0.25}
    return ProducerPool(connection.Pool(SENDERS), SENDERS)  # type: ignore[no-untyped-call]


def queue_length() -> int | None:
    """Messages that wait for a worker; None when the broker cannot be asked."""
    try:
        return int(redis_client().llen(f"{settings.REDIS_PREFIX}:{settings.CELERY_TASK_DEFAULT_QUEUE}"))
    except redis.RedisError:
        return None
