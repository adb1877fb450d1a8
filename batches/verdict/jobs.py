"""The verdict as a job: created when a batch ends, claimed for one turn at a time, durable, cancelled by a row.

A turn works on a copy of the stored work and stores it again only if no other process has claimed the verdict since.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from backtester.engine import STRATEGIES, EngineError
from batches.errors import BatchError, Conflict
from batches.models import BatchSession
from batches.ops.heartbeats import process_name
from batches.sweep.rates import declared_rate
from batches.verdict import columns
from batches.verdict.conclusion import conclude
from batches.verdict.options import DEFAULTS, Options
from batches.verdict.steps import Judge, joined_rows, judge_of
from batches.verdict.work import ANSWER, Work
from batches.verdict_models import Verdict, VerdictRows, VerdictStatus

log = logging.getLogger(__name__)
TURN_S = 0.3
MAX_ATTEMPTS = 3
SLOW_SUMS_S = 5e-7  # of one bar of one test, measured: without signals the sums are made bar by bar
PASSES = 9.0  # the cost of all parts but the shuffles, in sweeps: `python -m benchmarks.verdict million`
UNFINISHED = (VerdictStatus.WAITING, VerdictStatus.RUNNING)
CANCELLED, OVER_BUDGET, FAILED, NOTHING = "cancelled", "over_budget", "internal_error", "nothing_finished"


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
    Verdict.objects.get_or_create(
        session=session,
        defaults={
            "status": VerdictStatus.WAITING if affordable else VerdictStatus.UNAVAILABLE,
            "reason": "" if affordable else OVER_BUDGET,
            "options": options.as_json(),
            "created_at": now,
        },
    )
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
        Verdict.objects.filter(session=session).delete()
        BatchSession.objects.filter(pk=session.pk).update(judged_at=None)
        return Verdict.objects.create(session=session, options=options.as_json(), created_at=now)


def cancel(session: BatchSession) -> bool:
    """Stop a verdict that is not ready. Return whether there was one."""
    changed = Verdict.objects.filter(session=session, status__in=UNFINISHED).update(
        status=VerdictStatus.UNAVAILABLE, reason=CANCELLED, work=None, run=F("run") + 1, progress=""
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


def is_computing(session_id: uuid.UUID) -> bool:
    return Verdict.objects.filter(pk=session_id, status__in=UNFINISHED).exists()


def waiting(now: datetime) -> "QuerySet[Verdict]":
    """Return the verdicts that a worker may take, the one that has waited longest first."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    return Verdict.objects.filter(free, status__in=UNFINISHED).order_by(
        F("turn_at").asc(nulls_first=True), "created_at"
    )


def waiting_since(now: datetime) -> datetime | None:
    """Return since when the verdict that has waited longest waits, None if none does."""
    row = waiting(now).values_list("turn_at", "created_at").first()
    return row and (row[0] or row[1])


def take_turn(seconds: float = TURN_S, *, only: uuid.UUID | None = None) -> bool:
    """Work on the verdict of one batch, or on that which has waited longest. Return False if none waits."""
    verdict = _claim(timezone.now(), only)
    if verdict is None:
        return False
    _end_attempt(verdict, lambda: _turn(verdict, seconds))
    return True


def free_if_gone(is_gone: Callable[[str], bool]) -> bool:
    """Free verdicts whose worker is gone. Return whether there was any."""
    held = Verdict.objects.filter(status__in=UNFINISHED, lease_until__isnull=False).values_list(
        "pk", "claimed_by", "run"
    )
    freed = 0
    for pk, claimed_by, run in held:
        if is_gone(claimed_by):
            freed += Verdict.objects.filter(pk=pk, run=run).update(lease_until=None)
    return bool(freed)


def _claim(now: datetime, only: uuid.UUID | None = None) -> Verdict | None:
    rows = waiting(now).defer("answer", "columns")
    for verdict in (rows.filter(pk=only) if only else rows)[:3]:
        changes = {
            "status": VerdictStatus.RUNNING,
            "claimed_by": process_name(),
            "lease_until": now + timedelta(seconds=settings.CHUNK_LEASE_S),
            "turn_at": now,
        }
        claimed = Verdict.objects.filter(pk=verdict.pk, run=verdict.run, status__in=UNFINISHED)
        if claimed.update(run=F("run") + 1, attempts=F("attempts") + 1, **changes):
            verdict.run, verdict.attempts = verdict.run + 1, verdict.attempts + 1
            return verdict
    return None


def _end_attempt(verdict: Verdict, turn: Callable[[], None]) -> None:
    if verdict.attempts > MAX_ATTEMPTS:  # it killed its workers
        _fail(verdict, f"no worker survived {MAX_ATTEMPTS} turns")
        return
    try:
        turn()
    except (OperationalError, InterfaceError):
        raise
    except (EngineError, BatchError) as error:
        _fail(verdict, error.message)
    except Exception:
        log.exception("verdict failed: batch %s", verdict.pk)
        _fail(verdict, "an internal error")


def _turn(verdict: Verdict, seconds: float) -> None:
    session = BatchSession.objects.get(pk=verdict.pk)
    judge = judge_of(session, verdict)
    work = Work.decode(verdict.work) if verdict.work else judge.begin()
    first = work.judged
    until = time.monotonic() + seconds
    while work.stage != ANSWER and time.monotonic() < until:
        judge.step(work)
    rows = work.take_rows()
    if work.stage == ANSWER:
        _conclude(verdict, judge, work, rows)
    else:
        _store(verdict, judge, work, rows, first)


def _store(verdict: Verdict, judge: Judge, work: Work, rows: Any, first: int) -> None:
    with transaction.atomic():
        if not _owned(verdict).update(
            work=work.encode(),
            progress=judge.progress(work),
            lease_until=None,
            attempts=0,
            status=VerdictStatus.RUNNING,
        ):
            return
        if rows.shape[1]:
            VerdictRows.objects.create(verdict_id=verdict.pk, first=first, block=np.ascontiguousarray(rows).tobytes())


def _conclude(verdict: Verdict, judge: Judge, work: Work, rows: Any) -> None:
    stored = VerdictRows.objects.filter(verdict_id=verdict.pk).order_by("first").values_list("block", flat=True)
    everything = joined_rows([*(bytes(block) for block in stored), np.ascontiguousarray(rows).tobytes()])
    over_budget = not judge.layout.options.shuffles and seconds(judge.session, DEFAULTS) > settings.VERDICT_BUDGET_S
    answer = conclude(judge.session, judge.layout, work, everything, over_budget)
    block = columns.encode(judge.session, judge.layout, everything)
    now = timezone.now()
    with transaction.atomic():
        changed = _owned(verdict).update(
            status=VerdictStatus.READY, answer=answer, state=answer["state"], sentence=answer["sentence"], work=None,
            columns=block, progress="", reason="", lease_until=None, attempts=0, ended_at=now,
        )  # fmt: skip
        if changed:
            VerdictRows.objects.filter(verdict_id=verdict.pk).delete()
            BatchSession.objects.filter(pk=verdict.pk).update(judged_at=now)
            log.info("verdict ready: %s", answer["state"], extra={"session": str(verdict.pk)})


def _owned(verdict: Verdict) -> "QuerySet[Verdict]":
    return Verdict.objects.filter(pk=verdict.pk, run=verdict.run, status__in=UNFINISHED)


def _fail(verdict: Verdict, why: str) -> None:
    log.warning("verdict unavailable: batch %s: %s", verdict.pk, why)
    _owned(verdict).update(
        status=VerdictStatus.UNAVAILABLE, reason=FAILED, progress=why[:120], work=None, lease_until=None
    )
