"""The database as streams read it: a few threads, and the queries that run in them."""

import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.utils import timezone

from backtester.accounts.credentials import Credential
from batches import permissions
from batches.live.subscriptions import Event
from batches.models import BatchSession
from batches.sweep.progress import connected_event, encode, newest_event
from batches.sweep.wire_types import ProgressEvent

Result = TypeVar("Result")
READERS = 4
# Separate from the threads of pages: a slow query must not delay the streams.
_readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="live-read")
_pending = 0  # reads that have not returned, of all event loops


async def read(function: Callable[..., Result], *args: Any) -> Result:
    """Run queries in a reader thread.

    `database_sync_to_async` of Channels would close the connection after every call. To open one costs many times as
    much as to use it, and when a server restarts, thousands of clients return together: so a thread keeps its
    connection while other reads wait.
    """
    global _pending
    _pending += 1
    try:
        return await sync_to_async(_run, thread_sensitive=False, executor=_readers)(function, *args)
    finally:
        _pending -= 1


def _run(function: Callable[..., Result], *args: Any) -> Result:
    keep_connection = False
    try:
        result = function(*args)
        keep_connection = _pending > READERS
        return result
    finally:
        if not keep_connection:
            close_old_connections()


def first_events(session_id: uuid.UUID, credential: Credential | None = None) -> tuple[Event, Event | None]:
    """Return `connected`, and the terminal event if the batch has ended."""
    session = permissions.find(permissions.person_with(credential), session_id)
    now = timezone.now()
    terminal = as_event(newest_event(session, now)) if session.state.is_terminal else None
    return as_event(connected_event(session, now)), terminal


def newer_events(sequences: dict[uuid.UUID, int]) -> Iterable[tuple[uuid.UUID, Event | None]]:
    """Return the newest event of each batch that is past its sequence, and None for each batch without a row."""
    rows = dict(BatchSession.objects.filter(pk__in=sequences).values_list("pk", "sequence"))
    moved = [pk for pk, sequence in rows.items() if sequence > sequences[pk]]
    now = timezone.now()
    sessions = BatchSession.objects.filter(pk__in=moved)
    events: list[tuple[uuid.UUID, Event | None]] = [
        (session.id, as_event(newest_event(session, now))) for session in sessions
    ]
    return events + [(pk, None) for pk in sequences if pk not in rows]


def as_event(event: ProgressEvent) -> Event:
    return Event(event["type"], event["sequence"], encode(event), event["sentAtMs"])
