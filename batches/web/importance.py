"""The distribution of a batch's ranked metric, and how much of it each parameter explains."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts.histogram import histogram
from batches.web.labels import label_of


def insights(session: BatchSession) -> dict[str, Any]:
    """Return the histogram of the ranked metric and (label, explained variance) pairs, the largest first."""
    columns = columns_of(session)
    values = columns.metric(METRICS_BY_WIRE_NAME[session.sort_by].name)
    decoded = columns.plan.grid.decode_many(columns.index)
    groups: dict[str, Any] = {"Symbol": decoded.symbol_number}
    for name, axis in decoded.parameters.items():
        groups[label_of(session, wire_name(name))] = axis
    if decoded.coefficient is not None:
        groups["Coeff"] = decoded.coefficient
    shares = {label: explained(values, group) for label, group in groups.items() if len(values) and np.ptp(group) > 0}
    defined = [(label, share) for label, share in shares.items() if not math.isnan(share)]
    return {"spread": histogram(values), "importance": sorted(defined, key=lambda pair: -pair[1])}


def explained(values: Floats, group: npt.NDArray[Any]) -> float:
    """Return the share of the variance of `values` that lies between the groups (eta squared), 0 to 1.

    NaN without variance.
    """
    defined = ~np.isnan(values)
    values = values[defined]
    _, number = np.unique(group[defined], return_inverse=True)
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total == 0.0:
        return math.nan
    counts = np.bincount(number)
    means = np.bincount(number, weights=values) / counts
    return float((counts * (means - values.mean()) ** 2).sum() / total)
