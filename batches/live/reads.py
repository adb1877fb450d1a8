"""The database as streams read it: a few threads, and the queries that run in them."""

import logging
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
from batches.sweep.encoding import encode
from batches.sweep.progress import connected_event, newest_event
from batches.sweep.wire_types import ProgressEvent

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Readers:
    """A few threads that read the database. Each keeps its connection while other reads wait.

    `database_sync_to_async` of Channels would close the connection after every call. To open one costs many times as
    much as to use it, and when a server restarts, thousands of clients return together.
    """

    def __init__(self, threads: int, name: str) -> None:
        self.threads = threads
        self.executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self.pending = 0  # reads that have not returned, of all event loops

    async def read(self, function: Callable[..., Result], *args: Any) -> Result:
        """Run queries in a thread."""
        self.pending += 1
        try:
            return await sync_to_async(self._run, thread_sensitive=False, executor=self.executor)(function, *args)
        finally:
            self.pending -= 1

    def _run(self, function: Callable[..., Result], *args: Any) -> Result:
        keep_connection = False
        try:
            result = function(*args)
            keep_connection = self.pending > self.threads
            return result
        finally:
            if not keep_connection:
                close_old_connections()


# Separate from the threads of pages and downloads: a slow query must not delay the streams.
read = Readers(4, "live-read").read


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
    events: list[tuple[uuid.UUID, Event | None]] = []
    for session in sessions:
        try:
            events.append((session.id, as_event(newest_event(session, now))))
        except Exception:  # must not keep the others from theirs
            log.exception("event of batch %s could not be made", session.id)
    return events + [(pk, None) for pk in sequences if pk not in rows]


def as_event(event: ProgressEvent) -> Event:
    return Event(event["type"], event["sequence"], encode(event), event["sentAtMs"])
