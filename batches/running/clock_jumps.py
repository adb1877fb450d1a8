"""Move deadlines and leases when the wall clock is set: they are instants, and would expire early or late."""

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

SIGHTINGS = ("worker_seen_at", "turn_at")
log = logging.getLogger(__name__)
JUMP_S = 2.0  # what the wall clock may gain or lose against the monotonic one between two checks
DRIFT_S = 0.1  # and since the stored check: small steps must not add up to a jump
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere nothing is stored


class Instants(NamedTuple):
    deadline_at: datetime | None
    paused_at: datetime | None


@dataclass
class WallClock:
    """Checks the wall clock in every round of the watchdog, and moves the instants of active batches if it jumped.

    path : stores the last check for the next watchdog. The monotonic clock is the machine's: it goes on while no
        watchdog runs, and starts again only with the machine.
    """

    path: Path | None = None
    zero: datetime | None = None  # the wall clock's time when the monotonic clock started
    instants: dict[uuid.UUID, Instants] = field(default_factory=dict)
    stored_zero: datetime | None = None

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            if self.path and (stored := json.loads(self.path.read_text()))["boot"] == BOOT_ID.read_text():
                self.instants = {uuid.UUID(pk): Instants(*map(_parse, pair)) for pk, pair in stored["known"].items()}
                self.zero = self.stored_zero = datetime.fromisoformat(stored["zero"])

    def check(self, wall: datetime, monotonic_s: float) -> bool:
        """Compare with the last check. Return True if the clock jumped, after everything is moved."""
        zero = wall - timedelta(seconds=monotonic_s)
        jump = zero - self.zero if self.zero else timedelta()
        jumped = abs(jump.total_seconds()) > JUMP_S
        if jumped:
            log.warning("clock jumped by %.1f s: deadlines and leases moved", jump.total_seconds())
            self._move_by(jump, wall)
        active = BatchSession.objects.filter(status__in=ACTIVE)
        instants = {pk: Instants(*pair) for pk, *pair in active.values_list("pk", *Instants._fields)}
        drifted = self.stored_zero is None or abs((zero - self.stored_zero).total_seconds()) > DRIFT_S
        is_news = drifted or instants != self.instants
        self.zero, self.instants = zero, instants  # only now: what fails above is tried again in the next round
        if is_news:
            self._store(zero)
        return jumped

    def _store(self, zero: datetime) -> None:
        """Replace the file in one step. A full disk is ignored: only a jump while no watchdog runs would be missed."""
        with contextlib.suppress(OSError):
            if self.path:
                known = {pk.hex: [value and value.isoformat() for value in pair] for pk, pair in self.instants.items()}
                new = self.path.with_suffix(".new")
                new.write_text(json.dumps({"boot": BOOT_ID.read_text(), "zero": zero.isoformat(), "known": known}))
                new.replace(self.path)
                self.stored_zero = zero

    def _move_by(self, jump: timedelta, now: datetime) -> None:
        """Update only rows with the instants of before the jump, so that a second watchdog does not move them again."""
        ResultChunk.objects.filter(status=ChunkStatus.RUNNING, session__status__in=ACTIVE).update(
            lease_until=now + timedelta(seconds=settings.CHUNK_LEASE_S)
        )
        for session in BatchSession.objects.filter(status__in=ACTIVE).only("timeout_s", *Instants._fields, *SIGHTINGS):
            before = self.instants.get(session.pk) or _if_written_before(session, jump, now)
            if before is None:
                continue
            BatchSession.objects.filter(pk=session.pk, status__in=ACTIVE, **before._asdict()).update(
                deadline_at=before.deadline_at and before.deadline_at + jump,
                paused_at=before.paused_at and before.paused_at + jump,
                paused_s=F("paused_s") + jump.total_seconds(),  # no time passed in the jump
                **{name: _moved_sighting(getattr(session, name), jump, now) for name in SIGHTINGS},
            )


def _parse(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _moved_sighting(instant: datetime | None, jump: timedelta, now: datetime) -> datetime | None:
    """Never later than now: a worker may have written it by the new clock already."""
    return instant and min(instant + jump, now)


def _if_written_before(session: BatchSession, jump: timedelta, now: datetime) -> Instants | None:
    """Return the instants of a batch that is younger than the last check, unless they come from the new clock."""
    written = session.paused_at or (session.deadline_at and session.deadline_at - timedelta(seconds=session.timeout_s))
    if written is None or abs(written - now) < abs(written - (now - jump)):
        return None
    return Instants(session.deadline_at, session.paused_at)
