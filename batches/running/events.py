"""Publish the newest event of a batch after a commit. Only a hint: watchers also read the row.

Celery tasks and views are synchronous, so the message is published directly, in the channel layer's own framing:
`async_to_sync(group_send)` would open a connection for each call, and block for seconds when Redis hangs.
"""

import logging
import uuid

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone

from batches.models import BatchSession
from batches.ops import counters
from batches.ops.redis_connection import redis_client
from batches.running.circuit_breaker import CircuitBreaker
from batches.sweep.encoding import encode
from batches.sweep.progress import newest_event

log = logging.getLogger(__name__)
breaker = CircuitBreaker(open_s=1.0)


def group_name(session_id: uuid.UUID) -> str:
    return f"batch.{session_id.hex}"


def redis_channel(session_id: uuid.UUID) -> str:
    """Return the Redis channel on which the pub/sub layer listens for that group."""
    return f"{settings.REDIS_PREFIX}__group__{group_name(session_id)}"


def publish(session: BatchSession) -> None:
    """Publish the session's newest event as of now. Call after the commit."""
    event = newest_event(session, timezone.now())
    message = {
        "type": "batch.event",
        "session": session.id.hex,
        "kind": event["type"],
        "sequence": event["sequence"],
        "sentAtMs": event["sentAtMs"],
        "text": encode(event),
    }
    if breaker.is_open:
        counters.EVENTS_DROPPED.inc()
        return
    try:
        with counters.PUBLISH_SECONDS.time():
            redis_client().publish(redis_channel(session.id), get_channel_layer().serialize(message))
        counters.EVENTS_PUBLISHED.inc()
    except redis.RedisError as error:
        counters.EVENTS_DROPPED.inc()
        breaker.trip()
        log.warning("event not published: batch %s, sequence %s: %s", session.id, event["sequence"], error)
