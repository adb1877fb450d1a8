"""Store a finished chunk: results and counters in one transaction. Recording twice changes nothing."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from backtester.engine import METRIC_NAMES, SliceResult
from batches import lifecycle
from batches.events import publish
from batches.models import BatchSession, ChunkStatus, Phase, ResultChunk
from batches.plan import Plan, plan_of
from batches.progress import active_seconds, with_sample
from batches.results import best, better_first, encode_block, failure_ranges, higher_is_better
from batches.schemas import METRIC_OF_WIRE_NAME

LEADERS = 10
CAUSES = 50  # distinct reasons of failure that a batch remembers; more are counted together
OTHER_CAUSES = "Other reasons; see the error column of the export."


def record_chunk(chunk: ResultChunk, result: SliceResult, now: datetime) -> bool:
    """Commit a chunk's results with the counters, then announce. False: it was recorded before, or all is over."""
    metrics = result.metrics
    failed = sum(len(offsets) for offsets in result.errors.values())
    failures = [[message, failure_ranges(offsets, chunk.start)] for message, offsets in result.errors.items()]
    values = {"status": ChunkStatus.DONE, "block": encode_block(metrics), "failures": failures}
    return _record(chunk, values, metrics, failed, now)


def record_poison(chunk: ResultChunk, reason: str, now: datetime) -> bool:
    """Give up on a chunk that no worker survived: its tests count as failed, for that reason, and the batch goes on."""
    values = {"status": ChunkStatus.FAILED, "failures": [[reason, [[chunk.start, chunk.stop]]]]}
    return _record(chunk, values, None, chunk.stop - chunk.start, now)


def _record(
    chunk: ResultChunk, values: dict[str, Any], metrics: np.ndarray[Any, Any] | None, failed: int, now: datetime
) -> bool:
    with transaction.atomic():
        # The session's row is locked first, so that two workers add to the counters one after the other.
        session = BatchSession.objects.select_for_update().filter(pk=chunk.session_id).first()
        if session is None or session.state.is_terminal:  # ended meanwhile, perhaps even deleted
            return False
        open_chunk = ResultChunk.objects.filter(pk=chunk.pk, status__in=[ChunkStatus.WAITING, ChunkStatus.RUNNING])
        if not open_chunk.update(lease_until=None, **values):
            return False
        count(session, plan_of(session), chunk.start, chunk.stop, metrics, failed, values["failures"])
        session.pace = with_sample(session.pace, active_seconds(session, now), session.work_done)
        session.worker_seen_at = now
        session.sequence += 1
        finished = session.current >= session.total
        session.phase = Phase.WRITING if finished else Phase.TESTING
        announce = not finished and publishing_is_due(session, now)
        if announce:
            session.published_at = now
        session.save(update_fields=COUNTED)
    if announce:
        publish(session)
    if finished:
        lifecycle.complete(session.id)
    elif too_much_fails(session):
        lifecycle.fail(session.id, now, abort_words(session))
    return True


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
    symbol_number = plan.grid.symbols.index(plan.grid.decode(start).symbol)
    session.successful += stop - start - failed
    session.failed += failed
    session.work_done += float(stop - start) * plan.prices(symbol_number).n_bars
    if metrics is not None:
        session.leaders = _leaders(session, plan, start, metrics)
    session.failures = _causes(session.failures, plan, failures)
    session.last_test = plan.identity(stop - 1)


def _leaders(session: BatchSession, plan: Plan, start: int, metrics: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    metric = METRIC_OF_WIRE_NAME[session.sort_by]
    descending = higher_is_better(metric)
    top = best(metrics[METRIC_NAMES.index(metric)], LEADERS, descending=descending)
    rows = [plan.row(start + int(at), metrics[:, at]) for at in top]
    return better_first([*session.leaders, *rows], session.sort_by, descending=descending)[:LEADERS]


def _causes(known: list[dict[str, Any]], plan: Plan, failures: list[Any]) -> list[dict[str, Any]]:
    """The causes with their counts, each with an example; the one that happened last stands last."""
    causes = {cause["message"]: cause for cause in known}
    for message, ranges in failures:
        name = message if message in causes or len(causes) < CAUSES else OTHER_CAUSES
        cause = causes.pop(name, None) or {"message": name, "count": 0, "example": plan.identity(ranges[0][0])}
        causes[name] = cause | {"count": cause["count"] + sum(last - first for first, last in ranges)}
    return list(causes.values())
