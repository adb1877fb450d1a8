"""Names on the wire: camel case, where Python has snake case."""

from functools import lru_cache

from backtester.engine import METRICS


@lru_cache(maxsize=1_000)
def wire_name(name: str) -> str:
    """`max_drawdown` -> `maxDrawdown`."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


METRICS_BY_WIRE_NAME = {wire_name(metric.name): metric for metric in METRICS}
# What the verdict adds to each test; the last in the unit of the metric that ranks.
JUDGED = ("outOfSampleReturn", "outOfSampleSharpe", "neighbourMedian")
JUDGED_LABELS = {
    "outOfSampleReturn": ("Return out of sample", "fraction"),
    "outOfSampleSharpe": ("Sharpe out of sample", "ratio"),
    "neighbourMedian": ("Median of neighbors", ""),
}
