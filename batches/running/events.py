"""Announce a committed change to whoever watches. A hint only: losing one loses nothing.

Celery tasks and views are synchronous, so the message is published directly, in the channel layer's own framing:
`async_to_sync(group_send)` would open a connection for each call, and block for seconds when Redis hangs.
"""

import logging
import time
import uuid

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone

from batches.models import BatchSession
from batches.ops import counters
from batches.ops.redis_connection import redis_client
from batches.sweep.progress import encode, newest_event

log = logging.getLogger(__name__)
PUBLISH_PAUSE_S = 1.0


class Trouble:
    """Remembers the last failure for a moment, in which nobody tries again: each try at a hung Redis costs time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = 0.0

    def note(self) -> None:
        """It has failed just now."""
        self.until = time.monotonic() + self.seconds

    def is_fresh(self) -> bool:
        """Whether that was a moment ago."""
        return time.monotonic() < self.until


redis_trouble = Trouble(PUBLISH_PAUSE_S)


def group_name(session_id: uuid.UUID) -> str:
    """The Channels group of a session's watchers."""
    return f"batch.{session_id.hex}"


def redis_channel(session_id: uuid.UUID) -> str:
    """Where the pub/sub layer listens for that group (a test compares it with the layer's own word)."""
    return f"{settings.REDIS_PREFIX}__group__{group_name(session_id)}"


def publish(session: BatchSession) -> None:
    """Send the session's newest event to its group, as of this moment. Call after the commit."""
    event = newest_event(session, timezone.now())
    message = {
        "type": "batch.event",
        "session": session.id.hex,
        "kind": event["type"],
        "sequence": event["sequence"],
        "sentAtMs": event["sentAtMs"],
        "text": encode(event),
    }
    if redis_trouble.is_fresh():
        counters.EVENTS_DROPPED.inc()
        return
    try:
        with counters.PUBLISH_SECONDS.time():
            redis_client().publish(redis_channel(session.id), get_channel_layer().serialize(message))
        counters.EVENTS_PUBLISHED.inc()
    except redis.RedisError as error:
        counters.EVENTS_DROPPED.inc()
        redis_trouble.note()
        log.warning(
            "event %s of %s was not published, watchers will read the row: %s", event["sequence"], session.id, error
        )
