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
from django.db.models import F, Q
from django.utils import timezone

from batches.models import ACTIVE, BatchSession, ChunkStatus, ResultChunk, Status
from batches.ops import heartbeats
from batches.ops.heartbeats import WORKER_HOST
from batches.running import lifecycle, retention
from batches.running.clock_jumps import WallClock
from batches.running.queue import QUEUE_DEPTH, enqueue, queue_length
from batches.running.recording import record_lost_chunk

log = logging.getLogger(__name__)
INTERVAL_S = 0.5  # between two rounds
UNATTENDED_S = 1.0  # a batch that waits for so long was lost by the broker if the queue is empty,
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
        stop.wait(INTERVAL_S)


class Daily:
    """Deletes batches older than RETENTION_DAYS when the watchdog starts, then once a day."""

    def __init__(self) -> None:
        self.due_s = 0.0

    def prune(self, now: datetime, monotonic_s: float) -> None:
        if settings.RETENTION_DAYS and monotonic_s >= self.due_s:
            self.due_s = monotonic_s + DAY_S
            retention.prune(retention.Limits(older_than=timedelta(days=settings.RETENTION_DAYS)), now)


def do_round(now: datetime) -> None:
    for session in BatchSession.objects.filter(status__in=ACTIVE, deadline_at__lte=now):
        lifecycle.expire(session, now)
    free_abandoned_chunks(now)
    for session_id in finished_but_open():
        lifecycle.complete(session_id)
    queue_forgotten(now)


def free_abandoned_chunks(now: datetime) -> None:
    """Free chunks whose lease ran out or whose worker on this host is gone. After the last attempt they fail."""
    running = ResultChunk.objects.filter(status=ChunkStatus.RUNNING, session__status__in=ACTIVE).defer("block")
    for chunk in running:
        if chunk.lease_until and chunk.lease_until > now and not worker_is_gone(chunk.claimed_by):
            continue
        if chunk.attempt >= settings.CHUNK_MAX_ATTEMPTS:
            record_lost_chunk(chunk, f"No worker survived this part of the batch ({chunk.attempt} attempts).", now)
            continue
        freed = ResultChunk.objects.filter(
            pk=chunk.pk, status=ChunkStatus.RUNNING, attempt=chunk.attempt, claimed_by=chunk.claimed_by
        ).update(status=ChunkStatus.WAITING, lease_until=None)
        if freed:
            log.warning("chunk freed: batch %s, chunk %s, claimed by %s", chunk.session_id, chunk.pk, chunk.claimed_by)
            enqueue(chunk.session_id)


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


def queue_forgotten(now: datetime) -> None:
    """Queue batches again that wait without a worker: the broker may have lost their messages."""
    patience = UNATTENDED_S if queue_length() == 0 else FORGOTTEN_S
    before, later = now - timedelta(seconds=patience), now + timedelta(seconds=FORGOTTEN_S)  # later: by another clock
    unattended = (
        BatchSession.objects.filter(status__in=[Status.QUEUED, Status.RUNNING], created_at__lte=before)
        .filter(Q(worker_seen_at=None) | ~Q(worker_seen_at__range=(before, later)))
        .filter(Q(queued_at=None) | Q(queued_at__lte=before))
    )
    for session_id in unattended.values_list("pk", flat=True):
        if ResultChunk.objects.filter(session=session_id, status=ChunkStatus.WAITING).exists():
            BatchSession.objects.filter(pk=session_id).update(queued_at=now)
            enqueue(session_id, messages=QUEUE_DEPTH)
