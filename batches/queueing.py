"""Put a batch into the queue.

Messages carry ids only, and may be lost or doubled: the watchdog and the claims see to it.
"""

import logging
import uuid

import redis
from django.conf import settings
from kombu.exceptions import OperationalError

from backtester.celery import app
from batches.events import redis_client

log = logging.getLogger(__name__)
RUN_SLICE = "batches.tasks.run_slice"


def enqueue(session_id: uuid.UUID, *, messages: int = 1) -> None:
    """Ask the workers to work on a batch. Each message is worth one time slice of one worker.

    A batch has only a few messages in the queue at a time, whatever its size, so that batches take turns.
    """
    try:
        for _ in range(messages):
            app.send_task(RUN_SLICE, args=[str(session_id)], retry=False)
    except (OperationalError, redis.RedisError, OSError) as error:
        log.warning("batch %s was not queued, the watchdog will: %s", session_id, error)


def queue_length() -> int | None:
    """Messages that wait for a worker; None when the broker cannot be asked."""
    try:
        return int(redis_client().llen(f"{settings.REDIS_PREFIX}:{settings.CELERY_TASK_DEFAULT_QUEUE}"))
    except redis.RedisError:
        return None
