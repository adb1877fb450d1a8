"""When somebody sets the clock: deadlines and leases are instants, and must move with it."""

import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import F

from batches.models import ACTIVE, BatchSession, ChunkStatus, ResultChunk

SIGHTINGS = ("worker_seen_at", "queued_at")
log = logging.getLogger(__name__)
JUMP_S = 2.0  # what the wall clock may gain or lose against the monotonic one between two looks


class Instants(NamedTuple):
    """The instants of a batch that decide something."""

    deadline_at: datetime | None
    paused_at: datetime | None


@dataclass
class WallClock:
    """Looks at the wall clock again and again, and moves the instants of active batches when it has jumped."""

    wall: datetime | None = None
    monotonic_s: float = 0.0
    known: dict[uuid.UUID, Instants] = field(default_factory=dict)

    def check(self, wall: datetime, monotonic_s: float) -> bool:
        """Compare with the look before. True when the clock had jumped, and all is moved."""
        before, passed = self.wall, timedelta(seconds=monotonic_s - self.monotonic_s)
        jump = wall - before - passed if before else timedelta()
        jumped = abs(jump.total_seconds()) > JUMP_S
        if jumped:
            log.warning("the clock was set by %.1f s; deadlines and leases move with it", jump.total_seconds())
            self._move_by(jump, wall)
        self.wall, self.monotonic_s = wall, monotonic_s  # only now: what fails above is tried again in the next round
        active = BatchSession.objects.filter(status__in=ACTIVE)
        self.known = {pk: Instants(*rest) for pk, *rest in active.values_list("pk", *Instants._fields)}
        return jumped

    def _move_by(self, jump: timedelta, now: datetime) -> None:
        """Each update asks for the instants seen before the jump: a second watchdog finds them moved already."""
        ResultChunk.objects.filter(status=ChunkStatus.RUNNING, session__status__in=ACTIVE).update(
            lease_until=now + timedelta(seconds=settings.CHUNK_LEASE_S)
        )
        for session in BatchSession.objects.filter(status__in=ACTIVE).only("timeout_s", *Instants._fields, *SIGHTINGS):
            seen = self.known.get(session.pk) or _if_written_before(session, jump, now)
            if seen is None:
                continue
            BatchSession.objects.filter(pk=session.pk, status__in=ACTIVE, **seen._asdict()).update(
                deadline_at=seen.deadline_at and seen.deadline_at + jump,
                paused_at=seen.paused_at and seen.paused_at + jump,
                paused_s=F("paused_s") + jump.total_seconds(),  # the time that did not pass counts for nothing
                **{name: _sighting(getattr(session, name), jump, now) for name in SIGHTINGS},
            )


def _sighting(instant: datetime | None, jump: timedelta, now: datetime) -> datetime | None:
    """Moved, and never later than now: a worker may have written it by the new clock already."""
    return instant and min(instant + jump, now)


def _if_written_before(session: BatchSession, jump: timedelta, now: datetime) -> Instants | None:
    """The instants of a batch that is younger than the look before, if they come from the clock of then."""
    written = session.paused_at or (session.deadline_at and session.deadline_at - timedelta(seconds=session.timeout_s))
    if written is None or abs(written - now) < abs(written - (now - jump)):
        return None
    return Instants(session.deadline_at, session.paused_at)
