"""A worker's turn on a verdict: claim a piece, compute it, merge what it found and claim the next one.

Pieces are computed outside of any transaction, by several workers at the same time and in any order. A claim has a
token; what a worker found is merged only while its piece is still claimed with it. So nothing counts twice, and a
verdict that was cancelled, or requested again, takes nothing from workers that did not notice.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from backtester.engine import STRATEGIES, EngineError, is_built_in
from batches.errors import BatchError
from batches.models import BatchSession
from batches.ops.heartbeats import process_name
from batches.prices.series import PricesGone
from batches.sweep.chunking import least_tests
from batches.verdict import columns, jobs
from batches.verdict.conclusion import conclude
from batches.verdict.jobs import FAILED, GONE, NO_WORK, UNFINISHED, tests_a_second, waiting
from batches.verdict.options import DEFAULTS
from batches.verdict.pieces import Piece, Pieces
from batches.verdict.steps import Judge, joined_rows, judge_of, known_pace
from batches.verdict.work import ANSWER, BEGIN, SETTLING, Stage, Work
from batches.verdict_models import Verdict, VerdictRows, VerdictStatus

log = logging.getLogger(__name__)
TURN_S = 0.3
SHORTEST_S = 0.05  # a claim costs a twentieth of it
SHORT_TURN_S = 0.1  # of a worker that joins others: a batch that starts meanwhile soon gets one
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class State:
    """How far a verdict is."""

    stage: Stage
    pieces: Pieces
    work: Work


@dataclass(frozen=True)
class Claim:
    """A piece of a verdict that this process computes. known : what all pieces had found by then"""

    verdict: Verdict
    session: BatchSession
    stage: Stage
    piece: Piece
    known: Work
    is_shared: bool


def take_turn(*, only: uuid.UUID | None = None) -> bool:
    """Work on the verdict of one batch, or on that which has waited longest. Return False if none can be claimed."""
    claim = claim_next(timezone.now(), only)
    if claim is None:
        return False
    work_on(claim, SHORT_TURN_S if claim.is_shared else TURN_S)
    return True


def free_if_gone(is_gone: Callable[[str], bool]) -> bool:
    """Free the pieces of workers that are gone. Return whether there was any."""

    def is_lost(piece: Piece) -> bool:
        return is_gone(piece.claimed_by)

    freed = False
    rows = Verdict.objects.filter(status__in=UNFINISHED, pieces__isnull=False)
    for pk, stored in rows.values_list("pk", "pieces"):
        if not Pieces.load(stored).free(is_lost):
            continue
        with transaction.atomic():
            verdict = _locked(pk)
            if verdict and (pieces := Pieces.load(verdict.pieces)).free(is_lost):
                freed = True
                Verdict.objects.filter(pk=pk).update(pieces=pieces.as_json(), claimable_at=None)
    return freed


def claim_next(now: datetime, only: uuid.UUID | None = None) -> Claim | None:
    """Claim a piece of the verdict that has waited longest, or of one batch; None if none is free."""
    rows = waiting(now)
    for pk in (rows.filter(pk=only) if only else rows).values_list("pk", flat=True)[:3]:
        with transaction.atomic():
            claim = _claim(pk, now)
        if claim:
            return claim
    return None


def _locked(pk: uuid.UUID) -> Verdict | None:
    """Return a verdict that is not finished, locked; call it in a transaction."""
    rows = Verdict.objects.select_for_update().filter(pk=pk, status__in=UNFINISHED)
    return rows.defer("answer", "columns").first()


def _held(claim: Claim) -> Verdict | None:
    """Return the verdict, locked, if the piece is still claimed by this claim."""
    verdict = _locked(claim.verdict.pk)
    return verdict if verdict and Pieces.load(verdict.pieces).find(claim.piece.token) else None


def _claim(pk: uuid.UUID, now: datetime) -> Claim | None:
    verdict = _locked(pk)
    if verdict is None:
        return None
    session = BatchSession.objects.get(pk=pk)
    is_begun = bool(verdict.stage)  # by this version
    pieces = Pieces.load(verdict.pieces) if is_begun else Pieces.whole(1)
    stage = verdict.stage or BEGIN
    work = Work.decode(verdict.work) if is_begun and verdict.work else Work()
    return _claim_piece(verdict, session, State(stage, pieces, work), now, TURN_S)


def _claim_piece(
    verdict: Verdict, session: BatchSession, state: State, now: datetime, seconds: float, **changes: Any
) -> Claim | None:
    """Claim a piece of a verdict that is locked, if one is free, and store it with other changes.

    A user's own strategy may compute for ever, so that only one worker has it.
    """
    stage, pieces = state.stage, state.pieces
    is_alone, holders = not is_built_in(session.strategy), pieces.held(now)
    piece = None
    if seconds >= SHORTEST_S and not (is_alone and holders):
        until = now + timedelta(seconds=settings.CHUNK_LEASE_S)
        piece = pieces.claim(_most(verdict, session, stage, seconds), process_name(), now, until)
    if piece:
        # The lease keeps workers of the version before away, and the run keeps what they found from being stored.
        changes |= {"status": VerdictStatus.RUNNING, "turn_at": now, "lease_until": until, "run": F("run") + 1}
    if changes:
        claimable_at = pieces.claimable_at(is_alone=is_alone)
        changes |= {"stage": stage, "pieces": pieces.as_json(), "claimable_at": claimable_at}
        Verdict.objects.filter(pk=verdict.pk).update(**changes)
    if piece is None:
        return None
    return Claim(verdict, session, stage, piece, state.work, is_shared=bool(holders))


def _most(verdict: Verdict, session: BatchSession, stage: Stage, seconds: float) -> int:
    """Return how many positions fit into so many seconds, by the pace of this process or by an estimate."""
    if stage in (BEGIN, ANSWER):
        return 1
    most = max(1, int(seconds * (known_pace(session, verdict, stage) or tests_a_second(session))))
    strategy = STRATEGIES.get(session.strategy)
    if stage == SETTLING or strategy is None:
        return most
    bars = session.work_done / max(1, session.successful + session.failed)
    return max(most, least_tests(strategy, int(bars)))  # a few tests would only show what their tables cost


def work_on(claim: Claim, seconds: float) -> None:
    """Work for a turn, on one piece after the other."""
    until = time.monotonic() + seconds
    current: Claim | None = claim
    while current:
        current = _advance(current, until)


def _advance(claim: Claim, until: float) -> Claim | None:
    """Work on a piece and return the next one, None at the end of the turn. An error ends the verdict alone."""
    if claim.piece.attempts > MAX_ATTEMPTS:  # it killed its workers
        _fail(claim, f"no worker survived {MAX_ATTEMPTS} attempts")
        return None
    try:
        judge = judge_of(claim.session, claim.verdict)
        if claim.stage != ANSWER:
            return _record(claim, judge, *_computed(claim, judge, until), until)
        _conclude(claim, judge)
    except (OperationalError, InterfaceError):
        raise
    except PricesGone as error:
        _fail(claim, error.message, GONE)
    except (EngineError, BatchError) as error:
        _fail(claim, error.message)
    except Exception:
        log.exception("verdict failed: batch %s", claim.verdict.pk)
        _fail(claim, "an internal error")
    return None


def _computed(claim: Claim, judge: Judge, until: float) -> tuple[Work, int]:
    piece = claim.piece
    if claim.stage == BEGIN:
        return judge.begin(), piece.stop
    return judge.compute(claim.stage, claim.known, piece.start, piece.stop, until)


def _record(claim: Claim, judge: Judge, part: Work, stop: int, until: float) -> Claim | None:
    """Merge what a piece has found up to a position; claim the next piece if time is left."""
    rows = np.ascontiguousarray(part.take_rows())
    with transaction.atomic():
        verdict = _held(claim)
        if verdict is None:
            return None
        stage, pieces, work = claim.stage, Pieces.load(verdict.pieces), part
        pieces.finish(claim.piece.token, stop)
        if stage == BEGIN:
            VerdictRows.objects.filter(verdict=verdict).delete()  # of another version
        else:
            work = Work.decode(verdict.work or b"")
            work.merge(part)
        if rows.shape[1]:
            VerdictRows.objects.create(verdict=verdict, first=claim.piece.start, block=rows.tobytes())
        while judge.is_over(stage, work, pieces.left):
            stage = judge.stage_after(stage, work)
            pieces = Pieces.whole(judge.size(stage, work))
        progress = judge.progress(stage, work, pieces.left)
        now, seconds = timezone.now(), until - time.monotonic()
        changes = {"work": work.encode(), "progress": progress}
        return _claim_piece(verdict, claim.session, State(stage, pieces, work), now, seconds, **changes)


def _conclude(claim: Claim, judge: Judge) -> None:
    pk = claim.verdict.pk
    stored = VerdictRows.objects.filter(verdict=pk).order_by("first").values_list("block", flat=True)
    rows = joined_rows([bytes(block) for block in stored])
    over_budget = (
        not judge.layout.options.shuffles and jobs.seconds(judge.session, DEFAULTS) > settings.VERDICT_BUDGET_S
    )
    answer = conclude(judge.session, judge.layout, claim.known, rows, over_budget)
    block = columns.encode(judge.session, judge.layout, rows)
    now = timezone.now()
    with transaction.atomic():
        if _held(claim) is None:
            return
        Verdict.objects.filter(pk=pk).update(
            status=VerdictStatus.READY, answer=answer, state=answer["state"], sentence=answer["sentence"],
            columns=block, progress="", reason="", ended_at=now, **NO_WORK,
        )  # fmt: skip
        VerdictRows.objects.filter(verdict=pk).delete()
        BatchSession.objects.filter(pk=pk).update(judged_at=now)
    log.info("verdict ready: %s", answer["state"], extra={"session": str(pk)})


def _fail(claim: Claim, why: str, reason: str = FAILED) -> None:
    pk = claim.verdict.pk
    log.warning("verdict unavailable: batch %s: %s", pk, why)
    with transaction.atomic():
        if _held(claim):
            failed = {"status": VerdictStatus.UNAVAILABLE, "reason": reason, "progress": why[:120]}
            Verdict.objects.filter(pk=pk).update(**failed, **NO_WORK)
            VerdictRows.objects.filter(verdict=pk).delete()
