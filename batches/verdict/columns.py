"""The columns that only the verdict knows: results out of sample, and the median of the neighbors."""

import numpy as np

from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.sweep.wire_names import JUDGED, METRICS_BY_WIRE_NAME
from batches.verdict.conclusion import neighbor_medians
from batches.verdict.layout import Layout


def encode(session: BatchSession, layout: Layout, rows: Floats) -> bytes:
    """Return float64[len(JUDGED), total] as bytes, NaN where undefined. rows : of all judged tests"""
    values = np.full((len(JUDGED), session.total), np.nan)
    values[:2, layout.indices] = rows[1:3]
    finished = columns_of(session, keep=False)
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    values[2, finished.index] = neighbor_medians(layout, finished.index, finished.metric(metric.name))
    return values.tobytes()
