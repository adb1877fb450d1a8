"""Batches without a stack: in the same database, with the command's own worker processes."""

import contextlib
import json
import logging
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from backtester.client import ClientError, Event
from backtester.client.calls import query_string
from backtester.client.files import read_parquet
from backtester.engine import is_warm, warm_up
from backtester.stack.console import step
from backtester.stack.preparation import SAMPLE_ARGUMENTS, prepare_database
from backtester.terminal.workers import Workers
from batches.errors import NotFound
from batches.models import BatchSession, Instrument, ResultChunk
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.query import ResultsQuery
from batches.running import lifecycle, submission
from batches.running.checking import checked_plan
from batches.sweep.encoding import encode
from batches.sweep.notes import request_notes
from batches.sweep.progress import connected_event, newest_event
from batches.sweep.start_request import parse_start
from batches.verdict.answers import verdict_answer

if TYPE_CHECKING:
    import pandas as pd

POLL_S = 0.2
PARTS = {"csv": csv_parts, "json": json_parts, "parquet": parquet_parts}


class LocalBatch:
    """A batch in the local database, with the methods of the client's `Batch` that the commands use."""

    def __init__(self, session_id: str, workers: Workers | None = None, notes: Sequence[str] = ()) -> None:
        self.id = session_id
        self.notes = tuple(notes)
        self.page_url = f"/batches/{session_id}/ (once `make run` runs)"
        self.workers = workers

    def watch(self, **_: object) -> Iterator[Event]:
        """Yield each newer event. There is no connection to lose, so `on_trouble` is ignored."""
        yield (event := as_event(connected_event(self._row(), timezone.now())))
        while not event.is_terminal:
            has_no_workers = self.workers is not None and self.workers.are_gone()  # before the row is read
            newest = self.newest()
            if newest.sequence > event.sequence:
                yield (event := newest)
            elif has_no_workers:
                raise ClientError(f"All workers of batch {self.id} have ended. `make run` goes on with it.")
            else:
                time.sleep(POLL_S)

    def newest(self) -> Event:
        return as_event(newest_event(self._row(), timezone.now()))

    def exported(self, kind: str, **filters: Any) -> Iterator[bytes]:
        row = self._row()
        return PARTS[kind](row, ResultsQuery.parse(row, query_string(filters), sort="index"))

    def verdict(self, *, wait: bool) -> dict[str, Any]:
        assert not wait, "without a stack, no worker may be computing it"
        return verdict_answer(self._row())

    def results(self, **filters: Any) -> "pd.DataFrame":
        return read_parquet(b"".join(self.exported("parquet", **filters)))

    def cancel(self) -> bool:
        return lifecycle.cancel(uuid.UUID(self.id), timezone.now())

    def _row(self) -> BatchSession:
        row = BatchSession.objects.filter(pk=self.id).first()
        if row is None:
            raise NotFound
        return row


def as_event(event: Mapping[str, Any]) -> Event:
    """Convert an event as the wire does: NaN becomes None."""
    return Event.from_wire(json.loads(encode(event)))


def start(body: dict[str, Any]) -> LocalBatch:
    """Store a batch as a server would, and start its worker processes."""
    request = parse_start(body)
    checked_plan(request, owner=None)  # refuses a wrong request before anything is compiled
    if not is_warm(request.strategy):  # before the fork, so that the workers inherit the kernels
        with contextlib.redirect_stdout(sys.stderr), step(f"Preparing {request.strategy}"):
            warm_up(strategies=(request.strategy,))
    session = submission.submit(request, now=timezone.now())
    chunks = ResultChunk.objects.filter(session=session).count()
    return LocalBatch(
        str(session.id), Workers(session.id, min(settings.WORKERS, chunks)), request_notes(session.request)
    )


def prepare() -> None:
    """Create the tables and load the sample prices, as the first `make run` does, unless that has been done."""
    # Without a stack there is no Redis, and each event that is not published would be logged.
    logging.getLogger("batches").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(sys.stderr):
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            prepare_database()
        if not Instrument.objects.exists():
            call_command("load_prices", *SAMPLE_ARGUMENTS)
