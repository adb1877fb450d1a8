"""Submit a batch, work on it in this process, and compute the expected results by brute force."""

import time

import numpy as np
import pandas as pd
from django.db import transaction
from django.utils import timezone

from backtester.engine import METRIC_NAMES, METRICS, run_slice
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.running import attempts, recording, submission, worker
from batches.sweep.plan import plan_of
from batches.sweep.start_request import parse_start
from batches.sweep.wire_names import wire_name

METRIC_COLUMNS = [wire_name(name) for name in METRIC_NAMES]
LOWER_IS_BETTER = {wire_name(metric.name) for metric in METRICS if not metric.higher_is_better}


def submit(body, *, owner=None):
    return submission.submit(parse_start(body), now=timezone.now(), owner=owner)


def finish(session):
    while worker.take_turns(session.pk):
        pass
    return reread(session)


def work_some(session, chunks):
    for _ in range(chunks):
        run(claim(session.pk))
    return reread(session)


def claim(session_id):
    claimed = worker.claim(session_id, limit=1)
    return claimed.chunks[0] if claimed else None


def run(chunk):
    attempts.run([chunk])


def record(chunk, result, now):
    with transaction.atomic():
        recorded = recording.store_chunks([(chunk, result)], now)
    if recorded:
        recorded.announce()
    return recorded is not None


def reread(session):
    return BatchSession.objects.get(pk=session.pk)


def computed(session):
    """Return (float64[n_metrics, total], {index: reason}) from the engine alone."""
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
    """Return the stored float64[n_metrics, total], NaN where nothing is stored."""
    metrics = np.full((len(METRIC_NAMES), session.total), np.nan)
    for chunk in ResultChunk.objects.filter(session=session.pk, status=ChunkStatus.DONE):
        block = np.frombuffer(chunk.block, dtype=np.float64)
        metrics[:, chunk.start : chunk.stop] = block.reshape(len(METRIC_NAMES), -1)
    return metrics


def frame(session):
    """Return one row for each combination with its parameters and the metrics of the engine."""
    plan = plan_of(session)
    metrics, reasons = computed(session)
    rows = [plan.identity(index) for index in range(session.total)]
    table = pd.DataFrame([{**row["parameters"], **row} for row in rows]).drop(columns="parameters")
    return table.assign(**dict(zip(METRIC_COLUMNS, metrics, strict=True)), error=table["index"].map(reasons))


def wait_until(condition, *, within_s=10.0):
    """Poll a condition and return its value once it is true."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still false after {within_s:g} s"
        time.sleep(0.005)
    return value
