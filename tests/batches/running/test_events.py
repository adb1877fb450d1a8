"""Announcing a change: in the channel layer's own words, quickly, and quietly when nobody takes it."""

import time

from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubLoopLayer
from django.conf import settings

from batches.ops import counters
from batches.running import events
from batches.sweep.progress import newest_event
from tests.support import jobs
from tests.support.promised import promised

DROPPED = "backtester_events_dropped_total"


class Recorder:
    """A Redis that keeps what is published."""

    def __init__(self):
        self.messages = []

    def publish(self, channel, message):
        self.messages.append((channel, message))


def test_the_channel_is_the_one_on_which_the_layer_listens(submitted):
    layer = RedisPubSubLoopLayer(hosts=[settings.REDIS_URL], prefix=settings.REDIS_PREFIX)
    assert events.redis_channel(submitted.pk) == layer._get_group_channel_name(events.group_name(submitted.pk))


def test_a_message_is_one_that_the_layer_can_read(submitted, monkeypatch):
    redis = Recorder()
    monkeypatch.setattr(events, "redis_client", lambda: redis)
    events.publish(submitted)
    ((channel, raw),) = redis.messages
    message = get_channel_layer().deserialize(raw)
    assert channel == events.redis_channel(submitted.pk)
    assert (message["session"], message["kind"], message["sequence"]) == (submitted.pk.hex, "progress", 1)
    assert set(message) == {"type", "session", "kind", "sequence", "sentAtMs", "text"}
    assert '"status":"queued"' in message["text"]


def test_without_redis_an_event_is_dropped_quickly_and_counted(submitted):
    dropped, began = counters.PROCESS.get_sample_value(DROPPED), time.monotonic()
    events.publish(submitted)
    assert counters.PROCESS.get_sample_value(DROPPED) == dropped + 1
    assert time.monotonic() - began < promised(1)


def test_a_batch_runs_to_its_end_without_redis(submitted):
    ended = jobs.finish(submitted)
    assert newest_event(ended, ended.ended_at)["type"] == "complete"
