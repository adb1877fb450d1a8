"""Verify that each change of a batch is announced to its watchers, as Zulip's `verify_action` does with its events.

Events and messages are captured where they leave the process: Redis' PUBLISH and Celery's `send_task`.
"""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import celery
import pytest
import redis
from channels.layers import get_channel_layer
from django.db import connection

from batches.models import BatchSession
from batches.running import queue
from batches.running.events import breaker
from batches.sweep.encoding import encode
from batches.sweep.progress import newest_event

EPOCH = datetime.fromtimestamp(0, UTC)
CLOCK_FIELDS = ("elapsedTime", "estimatedTimeRemaining", "avgTimePerTest")  # from the row and the time of sending
UNWATCHED = {"sequence", "sentAtMs", "lastWorkerSeenAtMs", *CLOCK_FIELDS}


def capture_events(monkeypatch, on_event=None):
    """Return the list of events that will be published, in place of Redis."""
    events = []

    def publish(client, channel, message):
        event = json.loads(get_channel_layer().deserialize(message)["text"])
        if on_event:
            on_event(event)
        events.append(event)

    monkeypatch.setattr(redis.Redis, "publish", publish)
    breaker.reset()
    return events


def capture_messages(monkeypatch):
    """Return the list of messages that will be sent to workers, in place of the broker, whose queue stays empty."""
    messages = []

    def send_task(app, name, **options):
        assert "args" not in options
        messages.append(name)

    monkeypatch.setattr(celery.Celery, "send_task", send_task)
    monkeypatch.setattr(redis.Redis, "llen", lambda *_: 0)
    queue.breaker.reset()
    return messages


@contextmanager
def changes_are_announced(session_id, *, events=None):
    """Yield the list of events that the body publishes, and verify what watchers of the batch depend on.

    - Each commit that changes what an event says raises `sequence`.
    - Each event is published after its commit, and equals a fresh read of the row.
    - So many events are published; by default one if an event now says something else, otherwise none.
    """
    states, depth, is_reading = [_state(session_id)], _depth(), False

    def check_commits(execute, sql, params, many, context):
        nonlocal is_reading
        result = execute(sql, params, many, context)
        if not is_reading and _depth() == depth:
            is_reading = True
            _check_sequence(states, _state(session_id))
            is_reading = False
        return result

    def check_event(event):
        assert _depth() == depth, "published inside a transaction"
        session = BatchSession.objects.get(pk=event["sessionId"])
        assert event["sequence"] == session.sequence
        _assert_equals_row(event, session)

    with pytest.MonkeyPatch.context() as monkeypatch, connection.execute_wrapper(check_commits):
        published = capture_events(monkeypatch, check_event)
        yield published
    _check_sequence(states, _state(session_id))
    if events is None:
        exists = states[-1] is not None
        events = int(exists and states[-1][1] != states[0][1])
    assert len(published) == events, [(event["status"], event["phase"], event["sequence"]) for event in published]


def _depth():
    return connection.in_atomic_block, len(connection.savepoint_ids)


def _state(session_id):
    """(sequence, what an event says apart from the time), or None if there is no such batch."""
    session = BatchSession.objects.filter(pk=session_id).first()
    if session is None:
        return None
    event = _as_sent(session, session.created_at)
    return session.sequence, {name: value for name, value in event.items() if name not in UNWATCHED}


def _check_sequence(states, state):
    before = states[-1]
    if before and state:
        changed = {name for name, value in state[1].items() if before[1].get(name) != value}
        assert state[0] >= before[0], "the sequence fell"
        assert not changed or state[0] > before[0], f"{changed} changed, and the sequence did not rise"
    states.append(state)


def _assert_equals_row(event, session):
    """`sentAtMs` is cut to milliseconds: what depends on the time lies between two of them."""
    sent_at = EPOCH + timedelta(milliseconds=event["sentAtMs"])
    early = _as_sent(session, sent_at)
    late = _as_sent(session, sent_at + timedelta(milliseconds=1))
    for name in CLOCK_FIELDS:
        ends = (early[name], late[name])
        assert event[name] in ends or min(ends) <= event[name] <= max(ends), name
    assert event | dict.fromkeys(CLOCK_FIELDS) == early | dict.fromkeys(CLOCK_FIELDS)


def _as_sent(session, now):
    return json.loads(encode(newest_event(session, now)))
