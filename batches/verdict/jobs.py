"""The verdict as a job: created when a batch ends, requested again with other options, cancelled by a row."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from backtester.engine import STRATEGIES
from batches.errors import Conflict
from batches.models import BatchSession
from batches.prices.series import require_series
from batches.sweep.rates import declared_rate
from batches.verdict.options import DEFAULTS, Options
from batches.verdict_models import Verdict, VerdictRows, VerdictStatus

SLOW_SUMS_S = 5e-7  # of one bar of one test, measured: without signals the sums are made bar by bar
PASSES = 9.0  # the cost of all parts but the shuffles, in sweeps: `python -m benchmarks.verdict million`
NO_WORK: dict[str, Any] = {"work": None, "stage": "", "pieces": None, "claimable_at": None, "lease_until": None}
UNFINISHED = (VerdictStatus.WAITING, VerdictStatus.RUNNING)
CANCELLED, OVER_BUDGET, FAILED, NOTHING = "cancelled", "over_budget", "internal_error", "nothing_finished"
GONE = "prices_gone"


def create(session: BatchSession, now: datetime) -> bool:
    """Queue the verdict of a batch that ends, in the caller's transaction; without shuffles if those cost too much.

    Return whether there is work to do.
    """
    if not session.successful:
        return False
    options = DEFAULTS
    if seconds(session, options) > settings.VERDICT_BUDGET_S:
        options = Options(shuffles=0)
    affordable = bool(seconds(session, options) <= settings.VERDICT_BUDGET_S)
    verdict = Verdict(
        session_id=session.pk,  # not the batch: a cycle of both would keep its results until a full collection
        status=VerdictStatus.WAITING if affordable else VerdictStatus.UNAVAILABLE,
        reason="" if affordable else OVER_BUDGET,
        options=options.as_json(),
        created_at=now,
    )
    Verdict.objects.bulk_create([verdict], ignore_conflicts=True)
    return affordable


def request(session: BatchSession, options: Options, now: datetime) -> Verdict:
    """Queue the verdict of an ended batch with these options; nothing is computed again for the same ones."""
    if not session.state.is_terminal:
        raise Conflict("The batch is still active; its verdict follows its end.", code="STILL_ACTIVE")
    if not session.successful:
        raise Conflict("No test of the batch succeeded; there is nothing to judge.", code="NOTHING_TO_JUDGE")
    with transaction.atomic():
        BatchSession.objects.select_for_update().get(pk=session.pk)
        verdict = Verdict.objects.filter(session=session).first()
        if verdict and verdict.status in UNFINISHED:
            if verdict.options == options.as_json():
                return verdict
            raise Conflict("The verdict is being computed; cancel it first.", code="VERDICT_RUNNING")
        if verdict and verdict.status == VerdictStatus.READY and verdict.options == options.as_json():
            return verdict
        require_series(fact["seriesId"] for fact in session.instruments)
        Verdict.objects.filter(session=session).delete()
        BatchSession.objects.filter(pk=session.pk).update(judged_at=None)
        return Verdict.objects.create(session_id=session.pk, options=options.as_json(), created_at=now)


def cancel(session: BatchSession) -> bool:
    """Stop a verdict that is not ready. Return whether there was one."""
    changed = Verdict.objects.filter(session=session, status__in=UNFINISHED).update(
        status=VerdictStatus.UNAVAILABLE, reason=CANCELLED, run=F("run") + 1, progress="", **NO_WORK
    )
    VerdictRows.objects.filter(verdict__session=session, verdict__status=VerdictStatus.UNAVAILABLE).delete()
    return bool(changed)


def seconds(session: BatchSession, options: Options) -> float:
    """Return the estimated seconds of one worker, with as many shuffles as are allowed.

    A small batch measures the overhead of its few chunks, so the declared rate is the least that is assumed.
    """
    strategy = STRATEGIES.get(session.strategy)
    rate = max(session.work_rate or 1.0, declared_rate(strategy.name) if strategy else 1.0)
    sums_s = SLOW_SUMS_S if strategy is None or strategy.decide is None else 0.0
    return float(session.work_done * (sums_s + (PASSES + options.shuffles) / rate))


def tests_a_second(session: BatchSession) -> float:
    """Return how many tests one worker is estimated to do in a second, in all passes but the shuffles."""
    return (session.successful + session.failed) / max(seconds(session, Options(shuffles=0)), 1e-6)


def is_computing(session_id: uuid.UUID) -> bool:
    return Verdict.objects.filter(pk=session_id, status__in=UNFINISHED).exists()


def waiting(now: datetime) -> "QuerySet[Verdict]":
    """Return the verdicts that a worker may take, the one that has waited longest first."""
    free = Q(claimable_at=None) | Q(claimable_at__lte=now)
    return Verdict.objects.filter(free, status__in=UNFINISHED).order_by(
        F("turn_at").asc(nulls_first=True), "created_at"
    )


def waiting_since(now: datetime) -> datetime | None:
    """Return since when the verdict that has waited longest waits, None if none does."""
    row = waiting(now).values_list("turn_at", "created_at").first()
    return row and (row[0] or row[1])


def last_turn() -> datetime | None:
    """Return when a verdict that is not ready had its last turn; None if none has had one."""
    turn: datetime | None = Verdict.objects.filter(status__in=UNFINISHED).aggregate(last=Max("turn_at"))["last"]
    return turn
