"""Decide which batch has the next turn of a worker, and how long the turn lasts.

See docs/decisions/0001-a-message-is-a-turn.md, which also proves that no batch starves.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from backtester.engine import is_built_in
from batches.models import BatchSession, ChunkStatus, ResultChunk, Status
from batches.ops.heartbeats import WORKER_HOST

ROUND_S = 1.0  # in which every active batch has a turn, unless there are too many of them
FIRST_TURN_S, SHORTEST_TURN_S, LONGEST_TURN_S = 0.02, 0.03, 0.3
SMALL_ALONE_S, SMALL_S = 0.02, 0.15  # a batch that computes for less has one turn; alone, all workers share it
OVERDUE_S = 10.0  # a batch that has waited longer goes first
CLOCKS_DIFFER_S = 1.0
SLOW_S = 2.0  # a user's strategy that takes this long for a test, or a claim, may take for ever
NEVER = datetime.min.replace(tzinfo=UTC)


class Candidate(NamedTuple):
    """An active batch.

    holders : the number of workers of this host that compute chunks of it; is_waiting : whether it has others
    """

    pk: uuid.UUID
    owner_id: int | None
    created_at: datetime
    turn_at: datetime | None
    is_waiting: bool
    holders: int


class Turn(NamedTuple):
    """How long one worker computes. small_s : a batch with no more left is taken whole"""

    seconds: float
    small_s: float


def candidates(now: datetime) -> list[Candidate]:
    """Return the active batches, those without a chunk left to claim included, in one query."""
    chunks = ResultChunk.objects.filter(session=OuterRef("pk")).order_by()
    holders = _held_here(chunks).values("session").annotate(n=Count("claimed_by", distinct=True))
    batches = running(now).annotate(
        is_waiting=Exists(chunks.filter(status=ChunkStatus.WAITING)), holders=Coalesce(Subquery(holders.values("n")), 0)
    )
    return [Candidate(*row) for row in batches.values_list(*Candidate._fields)]


def _held_here(chunks: QuerySet[ResultChunk]) -> QuerySet[ResultChunk]:
    return chunks.filter(status=ChunkStatus.RUNNING, claimed_by__startswith=f"{WORKER_HOST}:")


def running(now: datetime) -> QuerySet[BatchSession]:
    """Return the batches that workers may work on."""
    in_time = Q(deadline_at=None) | Q(deadline_at__gt=now)
    return BatchSession.objects.filter(in_time, status__in=[Status.QUEUED, Status.RUNNING]).order_by()


def in_order(batches: Sequence[Candidate], now: datetime) -> list[Candidate]:
    """Return the batches that have chunks left to claim, the one whose turn it is first.

    Overdue batches go first, in the order of their waiting. Then the owner whose last turn is longest ago, and of this
    owner's batches the one whose last turn is longest ago; a new batch has had none. While others wait, a batch never
    holds all workers of a host.
    """
    owner_turns: dict[int | None, datetime] = {}
    for batch in batches:
        owner_turns[batch.owner_id] = max(owner_turns.get(batch.owner_id, NEVER), batch.turn_at or NEVER)

    def order(batch: Candidate) -> tuple[bool, bool, datetime, datetime, datetime]:
        overdue, since = is_overdue(batch, now), unserved_since(batch)
        owner_turn = since if overdue else owner_turns[batch.owner_id]
        return would_hold_all(batch), not overdue, owner_turn, batch.turn_at or NEVER, since

    return sorted((batch for batch in batches if batch.is_waiting), key=order)


def would_hold_all(batch: Candidate) -> bool:
    """Return whether one more worker for the batch would be the last one of this host."""
    return batch.holders >= _all_but_one()


def _all_but_one() -> int:
    return max(1, settings.WORKERS - 1)


def must_leave_one(session: BatchSession, now: datetime) -> bool:
    """Return whether a locked batch may not have the last worker of this host, even while no other batch waits.

    A batch that comes later would have to wait for the slow tests of a user's own strategy. How slow it is shows in the
    rate of the batch, once a result is recorded, and in claims that do not end. Only the lock makes sure that no other
    worker claims chunks of it meanwhile.
    """
    if is_built_in(session.strategy):
        return False
    held = _held_here(ResultChunk.objects.filter(session=session).order_by())
    if held.aggregate(n=Count("claimed_by", distinct=True))["n"] < _all_but_one():
        return False
    is_fast = Q(work_done__lt=SLOW_S * F("work_rate") * (F("successful") + F("failed")))
    if not BatchSession.objects.filter(is_fast, pk=session.pk).exists():
        return True
    return held.filter(lease_until__lte=now + timedelta(seconds=settings.CHUNK_LEASE_S - SLOW_S)).exists()


def is_overdue(batch: Candidate, now: datetime) -> bool:
    """Return whether the last turn is too long ago, or in the future, as dated by another host's clock."""
    waited_s = (now - unserved_since(batch)).total_seconds()
    return not -CLOCKS_DIFFER_S <= waited_s < OVERDUE_S


def unserved_since(batch: Candidate) -> datetime:
    return batch.turn_at or batch.created_at


def turn_of(waiting: int) -> Turn:
    """Return the turn that a batch gets when so many wait for theirs."""
    seconds = min(LONGEST_TURN_S, max(SHORTEST_TURN_S, ROUND_S * settings.WORKERS / max(1, waiting)))
    return Turn(seconds, SMALL_ALONE_S if waiting == 1 else SMALL_S)


def longest_wait(now: datetime) -> float:
    """Return the seconds for which the longest unserved batch has waited for a turn; 0 if none waits."""
    waits = [(now - unserved_since(batch)).total_seconds() for batch in candidates(now) if batch.is_waiting]
    return max([0.0, *(abs(wait) for wait in waits)])
