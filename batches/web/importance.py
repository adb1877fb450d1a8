"""The distribution of a batch's ranked metric, and how much of it each parameter explains.

Shares add up to 100% at most only where every group holds the same tests. So they come from the combinations that have
a value for every symbol: a symbol whose tests failed would otherwise count for the parameters that it failed with.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine.arrays import Floats, Ints
from batches.formatting import count
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.query import ResultsQuery, select
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts.histogram import histogram
from batches.web.labels import label_of


def insights(session: BatchSession, query: ResultsQuery | None = None) -> dict[str, Any]:
    """Return the histogram of the ranked metric and (label, explained variance) pairs, the largest first.

    query : whose filters the tests pass; all of them if left out
    uneven : a sentence on what was left out, or on why there are no shares
    """
    everything = columns_of(session)
    columns = everything.at(select(everything, query)) if query else everything
    values = columns.metric(METRICS_BY_WIRE_NAME[session.sort_by].name)
    decoded = columns.plan.grid.decode_many(columns.index)
    groups: dict[str, Any] = {"Symbol": decoded.symbol_number, "Timeframe": decoded.timeframe_number}
    for name, axis in decoded.parameters.items():
        groups[label_of(session, wire_name(name))] = axis
    if decoded.coefficient is not None:
        groups["Coefficient"] = decoded.coefficient
    kept = complete(values, decoded.symbol_number, columns.index % columns.plan.grid.size_per_symbol)
    shares = [(label, explained(values[kept], group[kept])) for label, group in groups.items() if _varies(group[kept])]
    defined = sorted(((label, share) for label, share in shares if not math.isnan(share)), key=lambda pair: -pair[1])
    is_even = sum(share for _, share in defined) <= 1 + 1e-9
    return {
        "spread": histogram(values),
        "importance": defined if is_even else [],
        "uneven": _uneven(int((~np.isnan(values)).sum()), int(kept.sum()), is_even=is_even),
    }


def complete(values: Floats, symbol: npt.NDArray[Any], combination: Ints) -> npt.NDArray[np.bool_]:
    """Return bool[n]: the tests of the combinations that have a value for every symbol that has any."""
    defined = ~np.isnan(values)
    if not defined.any():
        return defined
    n_symbols = len(np.unique(symbol[defined]))
    counts = np.bincount(combination[defined])
    kept: npt.NDArray[np.bool_] = defined & (counts[np.minimum(combination, len(counts) - 1)] == n_symbols)
    return kept


def _varies(group: npt.NDArray[Any]) -> bool:
    return len(group) > 0 and bool(np.ptp(group) > 0)


def _uneven(n_defined: int, n_kept: int, *, is_even: bool) -> str:
    if n_kept == 0 and n_defined:
        return "No combination has a value for every symbol, so there are no shares."
    if not is_even:
        return "The constraints leave each value of a parameter with other tests, so there are no shares."
    if n_kept < n_defined:
        return f"Over {count(n_kept)} of {count(n_defined)} tests: combinations with a value for every symbol."
    return ""


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
