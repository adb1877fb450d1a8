"""Store a finished chunk: results and counters in one transaction. Recording twice changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from backtester.engine import METRIC_NAMES, SliceResult
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk
from batches.ops import counters
from batches.results.columns import best, better_first, encode_block
from batches.results.failures import failure_ranges
from batches.running import lifecycle
from batches.running.events import publish
from batches.sweep.plan import Plan, plan_of
from batches.sweep.progress import active_seconds, with_sample
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME

LEADERS = 10
IMPROVEMENTS = 200
CAUSES = 50  # distinct reasons of failure that a batch remembers; more are counted together
OTHER_CAUSES = "Other reasons; see the error column of the export."


@dataclass(frozen=True)
class Outcome:
    """What becomes of a chunk. values : for its row; metrics : None when no test of it gave any."""

    chunk: ResultChunk
    values: dict[str, Any]
    metrics: np.ndarray[Any, Any] | None
    failed: int


def record_chunks(done: Sequence[tuple[ResultChunk, SliceResult]], now: datetime) -> int:
    """Commit the results of chunks of one batch with the counters, then announce.

    How many were recorded: those that were recorded before are left out, and all of them when the batch is over.
    """
    return _record([_outcome(chunk, result) for chunk, result in done], now)


def record_poison(chunk: ResultChunk, reason: str, now: datetime) -> bool:
    """Give up on a chunk that no worker survived: its tests count as failed, for that reason, and the batch goes on."""
    values = {"status": ChunkStatus.FAILED, "failures": [[reason, [[chunk.start, chunk.stop]]]]}
    return bool(_record([Outcome(chunk, values, None, chunk.stop - chunk.start)], now))


def _outcome(chunk: ResultChunk, result: SliceResult) -> Outcome:
    failed = sum(len(offsets) for offsets in result.errors.values())
    failures = [[message, failure_ranges(offsets, chunk.start)] for message, offsets in result.errors.items()]
    values = {"status": ChunkStatus.DONE, "block": encode_block(result.metrics), "failures": failures}
    return Outcome(chunk, values, result.metrics, failed)


def _record(outcomes: list[Outcome], now: datetime) -> int:
    with transaction.atomic():
        # The session's row is locked first, so that two workers add to the counters one after the other.
        session = BatchSession.objects.select_for_update().filter(pk=outcomes[0].chunk.session_id).first()
        if session is None or session.state.is_terminal:  # ended meanwhile, perhaps even deleted
            return 0
        recorded = [outcome for outcome in outcomes if _store(outcome)]
        if not recorded:
            return 0
        for each in recorded:
            failures = each.values["failures"]
            count(session, plan_of(session), each.chunk.start, each.chunk.stop, each.metrics, each.failed, failures)
        session.pace = with_sample(session.pace, active_seconds(session, now), session.work_done)
        session.worker_seen_at = now
        session.sequence += 1
        finished = session.current >= session.total
        session.phase = Phase.WRITING if finished else Phase.TESTING
        announce = not finished and publishing_is_due(session, now)
        if announce:
            session.published_at = now
        improved = with_improvement(session, now)
        session.save(update_fields=(*COUNTED, "improvements") if improved else COUNTED)
    if announce:
        publish(session)
    failed = sum(each.failed for each in recorded)
    counters.FAILED.inc(failed)
    counters.SUCCESSFUL.inc(sum(each.chunk.stop - each.chunk.start for each in recorded) - failed)
    if finished:
        lifecycle.complete(session.id)
    elif too_much_fails(session):
        lifecycle.fail(session.id, now, abort_words(session))
    return len(recorded)


def _store(outcome: Outcome) -> bool:
    """Fill the chunk's row, unless somebody did before."""
    still_open = ResultChunk.objects.filter(pk=outcome.chunk.pk, status__in=[ChunkStatus.WAITING, ChunkStatus.RUNNING])
    return bool(still_open.update(lease_until=None, **outcome.values))


COUNTED = (
    "successful", "failed", "work_done", "leaders", "failures", "last_test", "pace", "worker_seen_at", "sequence",
    "phase", "published_at",
)  # fmt: skip


def too_much_fails(session: BatchSession) -> bool:
    """Whether the batch's own rule says that going on is a waste. A share of 1 never does."""
    share, least = session.request["abortFailureShare"], session.request["abortMinimumTests"]
    return bool(session.current >= least and session.failed > share * session.current)


def abort_words(session: BatchSession) -> str:
    """Why the batch was ended, with the most frequent cause."""
    cause = max(session.failures, key=lambda known: int(known["count"]))
    return (
        f"Stopped because {session.failed:,} of the first {session.current:,} tests failed, more than the share of"
        f" {session.request['abortFailureShare']:g} that abortFailureShare allows. Most often: {cause['message']}"
    )


def publishing_is_due(session: BatchSession, now: datetime) -> bool:
    """At most two events a second for a session: the row remembers the last one, so all workers agree."""
    if session.published_at is None:
        return True
    waited = now - session.published_at
    return not timedelta() <= waited < timedelta(seconds=settings.EVENT_INTERVAL_S)


def count(
    session: BatchSession,
    plan: Plan,
    start: int,
    stop: int,
    metrics: np.ndarray[Any, Any] | None,
    failed: int,
    failures: list[Any],
) -> None:
    """Add a finished slice to the session's counters, leaders, failures and newest test (in memory)."""
    symbol_number = start // plan.grid.size_per_symbol
    session.successful += stop - start - failed
    session.failed += failed
    session.work_done += float(stop - start) * plan.bars[symbol_number]
    if metrics is not None:
        session.leaders = _leaders(session, plan, start, metrics)
    session.failures = _causes(session.failures, plan, failures)
    session.last_test = plan.identity(stop - 1)


def _leaders(session: BatchSession, plan: Plan, start: int, metrics: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    descending = metric.higher_is_better
    values = metrics[METRIC_NAMES.index(metric.name)]
    top = best(values, LEADERS, descending=descending)
    if len(session.leaders) == LEADERS:  # most slices bring nothing new, and making rows costs more than this look
        last = session.leaders[-1][session.sort_by]
        top = top[values[top] >= last] if descending else top[values[top] <= last]
    rows = plan.rows(start + top, metrics[:, top])
    return better_first([*session.leaders, *rows], session.sort_by, descending=descending)[:LEADERS]


def with_improvement(session: BatchSession, now: datetime) -> bool:
    """Add a point to the curve of the best so far (in memory), when there is a new one; at most IMPROVEMENTS points."""
    if not session.leaders:
        return False
    value = session.leaders[0][session.sort_by]
    curve = session.improvements
    if value is None or (curve and curve[-1][2] == value):
        return False
    kept = curve if len(curve) < IMPROVEMENTS else curve[::2]
    session.improvements = [*kept, [round(active_seconds(session, now), 3), session.current, value]]
    return True


def _causes(known: list[dict[str, Any]], plan: Plan, failures: list[Any]) -> list[dict[str, Any]]:
    """The causes with their counts, each with an example; the one that happened last stands last."""
    causes = {cause["message"]: cause for cause in known}
    for message, ranges in failures:
        name = message if message in causes or len(causes) < CAUSES else OTHER_CAUSES
        cause = causes.pop(name, None) or {"message": name, "count": 0, "example": plan.identity(ranges[0][0])}
        causes[name] = cause | {"count": cause["count"] + sum(last - first for first, last in ranges)}
    return list(causes.values())
