"""`/metrics` for Prometheus: the whole installation, whichever server process answers.

Counts come from `batches/ops/counters.py`, batches from the database, the rest from Redis and the processes' signs of
life. Without Redis, or without the database, what it would tell is left out: an absent value is not a zero.
"""

import logging
from collections.abc import Callable, Iterator

import redis
from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from batches.models import BatchSession, Status
from batches.ops import counters, heartbeats
from batches.running.queue import queue_length

log = logging.getLogger(__name__)
OUTCOMES = ("successful", "failed")


def metrics(request: HttpRequest) -> HttpResponse:
    """In Prometheus' text format."""
    counters.push()
    registry = CollectorRegistry()
    registry.register(Installation())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Installation(Collector):
    """Asks each source once for each scrape."""

    def describe(self) -> list[Metric]:
        """Nothing to ask when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric whose source answers."""
        for source in (_from_database, _from_tally, _from_redis):
            yield from _if_possible(source)


def _if_possible(source: Callable[[], list[Metric]]) -> list[Metric]:
    try:
        return source()
    except (DatabaseError, redis.RedisError) as error:
        log.warning("a part of /metrics is left out: %s", error)
        return []


def _from_database() -> list[Metric]:
    batches = GaugeMetricFamily("backtester_batches", "Batches that are kept, by status.", labels=["status"])
    found = dict(BatchSession.objects.order_by().values_list("status").annotate(Count("pk")))
    for status in Status:
        batches.add_metric([status], found.get(status, 0))
    return [batches]


def _from_tally() -> list[Metric]:
    totals = counters.totals()
    combinations = CounterMetricFamily("backtester_combinations", "Tests done, by outcome.", labels=["outcome"])
    for outcome in OUTCOMES:
        combinations.add_metric([outcome], totals.get(f"combinations:{outcome}", 0))
    published = CounterMetricFamily("backtester_events_published", "Events that the channel layer took.")
    published.add_metric([], totals.get("events_published", 0))
    dropped = CounterMetricFamily(
        "backtester_events_dropped", "Events that the channel layer did not take; watchers read the row instead."
    )
    dropped.add_metric([], totals.get("events_dropped", 0))
    return [
        combinations,
        published,
        dropped,
        _histogram(totals, "chunk_seconds", "Computing one chunk."),
        _histogram(totals, "publish_seconds", "Handing one event to the channel layer."),
    ]


def _histogram(totals: dict[str, float], name: str, words: str) -> Metric:
    so_far, buckets = 0.0, []
    for limit in (*counters.BUCKETS_S[name], float("inf")):
        so_far += totals.get(f"{name}:{limit:g}", 0)
        buckets.append(("+Inf" if limit == float("inf") else f"{limit:g}", so_far))
    family = HistogramMetricFamily(f"backtester_{name}", words)
    family.add_metric([], buckets, totals.get(f"{name}:sum", 0))
    return family


def _from_redis() -> list[Metric]:
    processes = GaugeMetricFamily("backtester_processes", "Processes seen in the last 15 s, by role.", labels=["role"])
    roles = {role: heartbeats.present(role) for role in (heartbeats.WEB, heartbeats.WORKER, heartbeats.WATCHDOG)}
    for role, present in roles.items():
        processes.add_metric([role], len(present))
    slots = GaugeMetricFamily("backtester_worker_slots", "Chunks that can be computed at a time.")
    slots.add_metric([], sum(numbers["processes"] for numbers in roles[heartbeats.WORKER].values()))
    live = GaugeMetricFamily("backtester_live_connections", "Open streams, by transport.", labels=["transport"])
    servers = roles[heartbeats.WEB] | {
        heartbeats.process_name(): dict(counters.open_streams)
    }  # our own as of this moment
    for transport in counters.open_streams:
        live.add_metric([transport], sum(numbers[transport] for numbers in servers.values()))
    return [processes, slots, live, _queue_depth()]


def _queue_depth() -> Metric:
    depth = GaugeMetricFamily("backtester_queue_depth", "Messages that wait for a worker; each is worth a time slice.")
    if (length := queue_length()) is not None:
        depth.add_metric([], length)
    return depth
