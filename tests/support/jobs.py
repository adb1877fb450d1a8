"""What the tests do again and again: submit, work to the end, and compute by brute force what must come out."""

import time

import numpy as np
import pandas as pd
from django.utils import timezone

from backtester.engine import METRIC_NAMES, METRICS, run_slice
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.running import recording, submission, worker
from batches.sweep.plan import plan_of
from batches.sweep.start_request import parse_start
from batches.sweep.wire_names import wire_name

METRIC_COLUMNS = [wire_name(name) for name in METRIC_NAMES]
LOWER_IS_BETTER = {wire_name(metric.name) for metric in METRICS if not metric.higher_is_better}


def submit(body, *, owner=None):
    """A stored batch."""
    return submission.submit(parse_start(body), now=timezone.now(), owner=owner)


def finish(session):
    """Work in this process until nothing is left to do; the batch as it is then."""
    while worker.work_on(session.pk):
        pass
    return reread(session)


def work_some(session, chunks):
    """Compute and record a few chunks, no more."""
    for _ in range(chunks):
        run(claim(session.pk))
    return reread(session)


def claim(session_id):
    """One chunk, or None."""
    return next(iter(worker.claim(session_id, limit=1)), None)


def run(chunk):
    """Compute and record one chunk, as a worker does."""
    worker.run([chunk])


def record(chunk, result, now):
    """Whether the result of one chunk was recorded."""
    return recording.record_chunks([(chunk, result)], now) == 1


def reread(session):
    """The row as it is now."""
    return BatchSession.objects.get(pk=session.pk)


def computed(session):
    """What the engine alone says: (float64[n_metrics, total], {index: reason}), without chunks, queue or database."""
    plan = plan_of(session)
    parts, reasons = [], {}
    for number, beta in enumerate(plan.betas):
        start, stop = plan.grid.span(number)
        result = run_slice(plan.grid, plan.prices(number), start, stop, plan.rules, beta=beta)
        parts.append(result.metrics)
        for reason, offsets in result.errors.items():
            reasons |= {start + int(offset): reason for offset in offsets}
    return np.concatenate(parts, axis=1), reasons


def stored(session):
    """float64[n_metrics, total] from the rows of the batch; NaN in all rows where nothing is stored."""
    found = np.full((len(METRIC_NAMES), session.total), np.nan)
    for chunk in ResultChunk.objects.filter(session=session.pk, status=ChunkStatus.DONE):
        block = np.frombuffer(chunk.block, dtype=np.float64)
        found[:, chunk.start : chunk.stop] = block.reshape(len(METRIC_NAMES), -1)
    return found


def frame(session):
    """Every combination with its parameters and metrics as the engine computes them, one row each."""
    plan = plan_of(session)
    metrics, reasons = computed(session)
    rows = [plan.identity(index) for index in range(session.total)]
    table = pd.DataFrame([{**row.pop("parameters"), **row} for row in rows])
    return table.assign(**dict(zip(METRIC_COLUMNS, metrics, strict=True)), error=table["index"].map(reasons))


def wait_until(condition, *, within_s=10.0):
    """Poll until something is so; an assertion when it takes too long."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so within {within_s:g} s"
        time.sleep(0.005)
    return found
