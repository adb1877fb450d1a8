"""How fast one worker computes a strategy, as measured in earlier batches, or as the strategy declares."""

import os
from collections.abc import Mapping, Sequence
from statistics import mean

from backtester.engine import get_strategy
from batches.models import BatchSession
from batches.sweep.plan import bars_of
from batches.sweep.start_request import StartRequest

NEWEST = 50  # batches of the strategy that are compared
SIMILAR = 2.0  # the greatest ratio of bars, and of the mean value of each parameter


def declared_rate(strategy: str) -> float:
    """Return the bars x combinations that one worker computes in a second, as the strategy declares."""
    return 1e9 / get_strategy(strategy).cost_ns


def measured_rate(request: StartRequest, bars: Sequence[int]) -> float | None:
    """Return the same, as measured in the newest batch that is similar; None if there is none.

    The cost of a bar depends on the parameters, the histories and the side that is traded. bars : of each symbol
    """
    batches = BatchSession.objects.filter(strategy=request.strategy, work_rate__isnull=False).order_by("-created_at")
    for rate, stored, instruments in batches.values_list("work_rate", "request", "instruments")[:NEWEST]:
        before = StartRequest.from_json(stored)
        bars_before = [n_bars for instrument in instruments for n_bars in bars_of(instrument)] or [0]
        if _is_close(mean(bars), mean(bars_before)) and is_similar(request, before):
            return rate
    return None


def newest_rate(strategy: str) -> float | None:
    """Return the rate of the newest batch of the strategy, similar or not: a first guess for the size of its turns."""
    batches = BatchSession.objects.filter(strategy=strategy, work_rate__isnull=False)
    return batches.order_by("-created_at").values_list("work_rate", flat=True).first()


def is_similar(request: StartRequest, other: StartRequest) -> bool:
    """Return whether tests of both requests cost about the same on the same prices."""
    rules, others = ((one.direction, one.whole_shares, one.flat_at_session_end) for one in (request, other))
    return rules == others and _are_close(request.axes, other.axes)


def _are_close(axes: Mapping[str, Sequence[float | str]], others: Mapping[str, Sequence[float | str]]) -> bool:
    return axes.keys() == others.keys() and all(
        set(axes[name]) == set(others[name])
        if any(isinstance(value, str) for value in (*axes[name], *others[name]))
        else _is_close(*(mean(float(value) for value in values) for values in (axes[name], others[name])))
        for name in axes
    )


def _is_close(value: float, other: float) -> bool:
    low, high = sorted((abs(value), abs(other)))
    return high <= SIMILAR * low


def workers() -> int:
    """Return the number of worker processes to assume in estimates."""
    return os.cpu_count() or 1
