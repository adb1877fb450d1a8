"""When somebody sets the clock: deadlines and leases are instants, and must move with it."""

import contextlib
import json
import logging
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import F

from batches.models import ACTIVE, BatchSession, ChunkStatus, ResultChunk

SIGHTINGS = ("worker_seen_at", "queued_at")
log = logging.getLogger(__name__)
JUMP_S = 2.0  # what the wall clock may gain or lose against the monotonic one between two looks
DRIFT_S = 0.1  # and since the look that is kept: small steps must not add up to a jump
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere nothing is kept


class Instants(NamedTuple):
    """The instants of a batch that decide something."""

    deadline_at: datetime | None
    paused_at: datetime | None


@dataclass
class WallClock:
    """Looks at the wall clock again and again, and moves the instants of active batches when it has jumped.

    memory : a file that keeps the look for the watchdog that comes after this one. The monotonic clock is that of the
    machine: it goes on while no watchdog runs, and begins again only with the machine.
    """

    memory: Path | None = None
    zero: datetime | None = None  # where the monotonic clock began, by the wall clock
    known: dict[uuid.UUID, Instants] = field(default_factory=dict)
    kept: datetime | None = None  # the `zero` in the memory

    def __post_init__(self) -> None:
        """Take over from the watchdog before."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            if self.memory and (note := json.loads(self.memory.read_text()))["boot"] == BOOT_ID.read_text():
                self.known = {uuid.UUID(pk): Instants(*map(_instant, pair)) for pk, pair in note["known"].items()}
                self.zero = self.kept = datetime.fromisoformat(note["zero"])

    def check(self, wall: datetime, monotonic_s: float) -> bool:
        """Compare with the look before. True when the clock had jumped, and all is moved."""
        zero = wall - timedelta(seconds=monotonic_s)
        jump = zero - self.zero if self.zero else timedelta()
        jumped = abs(jump.total_seconds()) > JUMP_S
        if jumped:
            log.warning("the clock was set by %.1f s; deadlines and leases move with it", jump.total_seconds())
            self._move_by(jump, wall)
        active = BatchSession.objects.filter(status__in=ACTIVE)
        known = {pk: Instants(*rest) for pk, *rest in active.values_list("pk", *Instants._fields)}
        is_news = known != self.known or self.kept is None or abs((zero - self.kept).total_seconds()) > DRIFT_S
        self.zero, self.known = zero, known  # only now: what fails above is tried again in the next round
        if is_news:
            self._keep(zero)
        return jumped

    def _keep(self, zero: datetime) -> None:
        """In one step. On a full disk it is left: the next watchdog knows less, and nothing else is lost."""
        with contextlib.suppress(OSError):
            if self.memory:
                known = {pk.hex: [each and each.isoformat() for each in pair] for pk, pair in self.known.items()}
                fresh = self.memory.with_suffix(".new")
                fresh.write_text(json.dumps({"boot": BOOT_ID.read_text(), "zero": zero.isoformat(), "known": known}))
                fresh.replace(self.memory)
                self.kept = zero

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


def _instant(kept: str | None) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None


def _sighting(instant: datetime | None, jump: timedelta, now: datetime) -> datetime | None:
    """Moved, and never later than now: a worker may have written it by the new clock already."""
    return instant and min(instant + jump, now)


def _if_written_before(session: BatchSession, jump: timedelta, now: datetime) -> Instants | None:
    """The instants of a batch that is younger than the look before, if they come from the clock of then."""
    written = session.paused_at or (session.deadline_at and session.deadline_at - timedelta(seconds=session.timeout_s))
    if written is None or abs(written - now) < abs(written - (now - jump)):
        return None
    return Instants(session.deadline_at, session.paused_at)
