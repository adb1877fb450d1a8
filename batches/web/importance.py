"""What all tests of a batch say together."""

from typing import Any

import numpy as np

from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts import explained, histogram
from batches.web.presenters import label_of


def insights(session: BatchSession) -> dict[str, Any]:
    """How the ranked metric is spread over all tests, and how much of that each parameter explains."""
    columns = columns_of(session)
    values = columns.metric(METRICS_BY_WIRE_NAME[session.sort_by].name)
    decoded = columns.plan.grid.decode_many(columns.index)
    groups: dict[str, Any] = {"Symbol": decoded.symbol_number}
    for name, axis in decoded.parameters.items():
        groups[label_of(session, wire_name(name))] = axis
    if decoded.coefficient is not None:
        groups["Coeff"] = decoded.coefficient
    shares = {label: explained(values, group) for label, group in groups.items() if len(values) and np.ptp(group) > 0}
    return {
        "spread": histogram(values),
        "importance": sorted(((label, s) for label, s in shares.items() if s == s), key=lambda pair: -pair[1]),
    }
