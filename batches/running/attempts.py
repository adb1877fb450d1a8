"""Compute claimed chunks and record them or give them back. No transaction is open while the engine computes."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from backtester.engine import (
    METRICS,
    EngineError,
    SliceResult,
    Strategy,
    error_text,
    foreign_text,
    is_built_in,
    mark_warm,
    run_slice,
)
from batches.models import ChunkStatus, ResultChunk
from batches.ops import counters
from batches.ops.heartbeats import process_name
from batches.running import lifecycle
from batches.running.loading import announce_loading
from batches.running.recording import Recorded, record_lost_chunk, store_chunks
from batches.sweep.foreign_code import is_shutdown, output_kept, time_limit
from batches.sweep.plan import plan_of
from batches.sweep.rates import declared_rate

log = logging.getLogger(__name__)
Claim = TypeVar("Claim")
Computed = tuple[ResultChunk, SliceResult]
RECONNECT_WITHIN_S = 5.0  # a database that refuses within this time may have lost our connection only
LONGEST_CLAIM_S = 1.0  # after which no further chunk of a claim is begun
LIMIT_FACTOR, SHORTEST_LIMIT_S = 20.0, 5.0  # of a chunk of a user's own strategy: of its estimate, and at least
OUTPUT_INTERVAL_S = 5.0  # between two log lines about what a strategy printed
REASON = 470  # characters of a failure, and the number of attempts after it
_next_output_at = 0.0
DATABASE_ERRORS = (OperationalError, InterfaceError)  # locked, full, or gone


def run(chunks: list[ResultChunk], next_claim: Callable[[], Claim | None] = lambda: None) -> Claim | None:
    """Compute claimed chunks, then record them and claim the next in one transaction. Return what was claimed."""
    with bound_contextvars(session=str(chunks[0].session_id)):
        return _run(chunks, next_claim)


def _run(chunks: list[ResultChunk], next_claim: Callable[[], Claim | None]) -> Claim | None:
    began = time.monotonic()
    try:
        computed = [(chunk, result) for chunk in _in_time(chunks) if (result := attempt(chunk)) is not None]
        return _record(computed, time.monotonic() - began, next_claim) if computed else None
    except BaseException as error:
        if is_not_to_blame(error):
            for chunk in chunks:
                _release_if_possible(chunk)
            raise
        log.exception("results not recorded: batch %s", chunks[0].session_id)
        for chunk in chunks:
            fail_attempt(chunk, error_text(error, REASON))
        return None


def _in_time(chunks: list[ResultChunk]) -> Iterator[ResultChunk]:
    """Yield chunks for a few turns' time and give the rest back, without counting an attempt.

    A strategy far slower than its estimate would keep other batches waiting. It would also outlive the lease, which all
    chunks of a claim share, and other workers would compute the same chunks until their attempts are used up.
    """
    ends_at = time.monotonic() + min(LONGEST_CLAIM_S, settings.CHUNK_LEASE_S / 2)
    for number, chunk in enumerate(chunks):
        if number and time.monotonic() >= ends_at:
            release(chunk, counts=False)
        else:
            yield chunk


def is_not_to_blame(error: BaseException, *, may_be_foreign: bool = False) -> bool:
    """Return whether an attempt ended for a reason that is known to be ours. Any other counts against its chunk.

    may_be_foreign : whether a user's strategy may have raised it
    """
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return is_shutdown(error) or not may_be_foreign
    return isinstance(error, DATABASE_ERRORS)


def attempt(chunk: ResultChunk) -> SliceResult | None:
    """Return a chunk's result, or None if this attempt failed. After the last attempt its tests count as failed."""
    try:
        with bound_contextvars(chunk=chunk.pk), counters.CHUNK_SECONDS.time():
            return compute(chunk)
    except EngineError as error:  # as when an upgrade removed the strategy: no chunk can ever be computed
        reason = foreign_text(error)
        lifecycle.fail(chunk.session_id, timezone.now(), f"The batch cannot be computed any more. {reason}")
    except BaseException as error:  # also a time limit, and what a strategy raises to end the process
        if is_not_to_blame(error, may_be_foreign=not is_built_in(chunk.session.strategy)):
            raise
        log.exception(
            "chunk failed: batch %s, chunk %s, attempt %d",
            chunk.session_id,
            chunk.pk,
            chunk.attempt,
            extra={"chunk": chunk.pk},
        )
        fail_attempt(chunk, error_text(error, REASON))
    return None


def fail_attempt(chunk: ResultChunk, reason: str) -> None:
    """Give the chunk back; after the last attempt its tests count as failed."""
    if chunk.attempt < settings.CHUNK_MAX_ATTEMPTS:
        release(chunk)
    else:
        give_up(chunk, f"{reason} ({chunk.attempt} attempts)")


def give_up(chunk: ResultChunk, reason: str) -> None:
    """Count the tests of the chunk as failed. If they cannot be recorded, the batch fails."""
    try:
        record_lost_chunk(chunk, reason, timezone.now())
    except DATABASE_ERRORS:
        raise
    except Exception:
        log.exception("chunk not recorded: batch %s, chunk %s", chunk.session_id, chunk.pk)
        lifecycle.fail(chunk.session_id, timezone.now(), f"Results cannot be recorded. {reason}")


def compute(chunk: ResultChunk) -> SliceResult:
    """Return the chunk's metrics, a pure function of the plan: every worker gets the same bits."""
    plan = plan_of(chunk.session)
    number = plan.grid.series_of(chunk.start)
    if not plan.is_loaded(number):
        announce_loading(chunk.session, number // plan.grid.n_timeframes, timezone.now())
    prices, beta = plan.prices(number), plan.beta(number)
    try:
        with _contained(plan.grid.strategy, chunk, prices.n_bars):
            return run_slice(plan.grid, prices, chunk.start, chunk.stop, plan.rules, beta=beta)
    except EngineError as error:  # a fact about these tests, not a fault of the machine: it would come again
        return all_failed(chunk, foreign_text(error))


@contextlib.contextmanager
def _contained(strategy: Strategy, chunk: ResultChunk, n_bars: int) -> Iterator[None]:
    """Limit the time and the output of a user's own strategy."""
    if is_built_in(strategy.name):
        yield
        return
    with output_kept() as output:
        try:
            with time_limit(limit_seconds(strategy, chunk, n_bars)):
                yield
            mark_warm(strategy.name)
        finally:
            _log_output(strategy, output.text)


def limit_seconds(strategy: Strategy, chunk: ResultChunk, n_bars: int) -> float:
    """Return the longest time for a chunk, twice as much in each further attempt: the machine may be busy."""
    rate = max(chunk.session.work_rate or 0.0, declared_rate(strategy.name))
    expected_s = (chunk.stop - chunk.start) * n_bars / rate
    return float(max(SHORTEST_LIMIT_S, LIMIT_FACTOR * expected_s) * 2 ** (chunk.attempt - 1))


def _log_output(strategy: Strategy, text: str) -> None:
    """Log the end of what a strategy printed, now and then."""
    global _next_output_at
    if text and time.monotonic() >= _next_output_at:
        _next_output_at = time.monotonic() + OUTPUT_INTERVAL_S
        log.info("strategy %s printed: %s", strategy.name, text)


def _record(computed: list[Computed], seconds: float, next_claim: Callable[[], Claim | None]) -> Claim | None:
    """Record, again on a new connection if the database refuses at once: computing again would cost more."""
    began = time.monotonic()
    try:
        return record(computed, seconds, next_claim)
    except DATABASE_ERRORS:
        if time.monotonic() - began > RECONNECT_WITHIN_S:
            raise
        connection.close()
        return record(computed, seconds, next_claim)


def record(computed: list[Computed], seconds: float, next_claim: Callable[[], Claim | None]) -> Claim | None:
    with transaction.atomic():
        recorded = store_chunks(computed, timezone.now(), seconds)
        claimed = next_claim()
    if recorded:
        _announce(recorded)
    return claimed


def _announce(recorded: Recorded) -> None:
    """Announce what is committed. Watchers also read the row, and the watchdog completes a batch that stays open."""
    try:
        recorded.announce()
    except Exception:
        log.exception("announcement failed: batch %s", recorded.session.pk)


def all_failed(chunk: ResultChunk, message: str) -> SliceResult:
    """Return a result in which every test failed for the same reason."""
    size = chunk.stop - chunk.start
    return SliceResult(metrics=np.full((len(METRICS), size), np.nan), errors={message: np.arange(size)})


def release(chunk: ResultChunk, *, counts: bool = True) -> None:
    """Give a claimed chunk back, unless another worker has claimed it since.

    counts : whether the attempt counts; not if the chunk is not to blame, as on a full disk
    """
    claimed = ResultChunk.objects.filter(
        pk=chunk.pk, status=ChunkStatus.RUNNING, claimed_by=process_name(), attempt=chunk.attempt
    )
    claimed.update(status=ChunkStatus.WAITING, lease_until=None, attempt=F("attempt") - (0 if counts else 1))


def _release_if_possible(chunk: ResultChunk) -> None:
    """Release the chunk; if the database refuses, the end of the lease does."""
    with contextlib.suppress(*DATABASE_ERRORS):
        release(chunk, counts=False)
