"""Repair what dead processes left behind. Each step is a conditional update, so two watchdogs do no harm."""

import logging
import os
import threading
import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import F
from django.utils import timezone

from batches.models import ACTIVE, BatchSession, ChunkStatus, ResultChunk, Status
from batches.ops import heartbeats
from batches.ops.heartbeats import WORKER_HOST
from batches.prices import abandoned
from batches.running import lifecycle, retention, turns
from batches.running.attempts import give_up
from batches.running.clock_jumps import WallClock
from batches.running.queue import queue_length, wake_workers
from batches.verdict import jobs as verdict_jobs
from batches.verdict import ledger
from batches.verdict import turns as verdict_turns

log = logging.getLogger(__name__)
INTERVAL_S = 0.5  # between two rounds
UNATTENDED_S = 1.0  # a batch that waits for so long was forgotten if the queue is empty,
FORGOTTEN_S = 10.0  # and for so long if it is not
DAY_S = 24 * 3600.0


def run(stop: threading.Event, clock: WallClock) -> None:
    """Repair in rounds until `stop` is set. A round that fails is logged."""
    daily = Daily()
    while not stop.is_set():
        try:
            close_old_connections()
            clock.check(timezone.now(), time.monotonic())
            do_round(timezone.now())
            heartbeats.announce(heartbeats.WATCHDOG)
            daily.prune(timezone.now(), time.monotonic())
        except DatabaseError as error:  # locked, full or away
            log.warning("watchdog round failed: %s", error)
        except Exception:  # of one batch; the next round repairs the others
            log.exception("watchdog round failed")
        stop.wait(INTERVAL_S)


class Daily:
    """Deletes batches older than RETENTION_DAYS and abandoned uploads when the watchdog starts, then once a day."""

    def __init__(self) -> None:
        self.due_s = 0.0

    def prune(self, now: datetime, monotonic_s: float) -> None:
        if monotonic_s < self.due_s:
            return
        self.due_s = monotonic_s + DAY_S
        abandoned.expire(now)
        if settings.RETENTION_DAYS:
            retention.prune(retention.Limits(older_than=timedelta(days=settings.RETENTION_DAYS)), now)


def do_round(now: datetime) -> None:
    for session in BatchSession.objects.filter(status__in=ACTIVE, deadline_at__lte=now):
        lifecycle.expire(session, now)
    free_abandoned_chunks(now)
    for session_id in finished_but_open():
        lifecycle.complete(session_id)
    ledger.count_uncounted()
    if verdict_turns.free_if_gone(worker_is_gone):
        wake_workers(1)
    wake_if_unserved(now)


def free_abandoned_chunks(now: datetime) -> None:
    """Free chunks whose lease ran out or whose worker on this host is gone. After the last attempt they fail."""
    running = ResultChunk.objects.filter(status=ChunkStatus.RUNNING, session__status__in=ACTIVE).defer("block")
    for chunk in running:
        if chunk.lease_until and chunk.lease_until > now and not worker_is_gone(chunk.claimed_by):
            continue
        if chunk.attempt >= settings.CHUNK_MAX_ATTEMPTS:
            give_up(chunk, f"No worker survived this part of the batch ({chunk.attempt} attempts).")
        elif _free(chunk):
            log.warning("chunk freed: batch %s, chunk %s, claimed by %s", chunk.session_id, chunk.pk, chunk.claimed_by)
            wake_workers(1)


def _free(chunk: ResultChunk) -> bool:
    claimed = ResultChunk.objects.filter(
        pk=chunk.pk, status=ChunkStatus.RUNNING, attempt=chunk.attempt, claimed_by=chunk.claimed_by
    )
    return bool(claimed.update(status=ChunkStatus.WAITING, lease_until=None))


def worker_is_gone(claimed_by: str) -> bool:
    """Return whether the process ran on this host and no longer exists. On other hosts only the lease decides."""
    host, _, pid = claimed_by.rpartition(":")
    if host != WORKER_HOST or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return is_zombie(int(pid))


def is_zombie(pid: int) -> bool:
    """Return whether the process has died unnoticed by its parent; Celery takes seconds to notice. Linux only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def finished_but_open() -> list[uuid.UUID]:
    """Return batches whose last chunk was recorded by a worker that died before it could complete them."""
    active = BatchSession.objects.filter(status__in=[Status.RUNNING, Status.PAUSED])
    return list(active.filter(total__lte=F("successful") + F("failed")).values_list("pk", flat=True))


def wake_if_unserved(now: datetime) -> None:
    """Wake the workers if a batch has waited for a turn for long: the broker may have lost the messages."""
    since = verdict_jobs.waiting_since(now)
    waited_s = max(turns.longest_wait(now), (now - since).total_seconds() if since else 0.0)
    if waited_s >= UNATTENDED_S and (waited_s >= FORGOTTEN_S or queue_length() == 0):
        wake_workers()
