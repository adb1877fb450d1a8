"""`/metrics` for Prometheus: the counts of this host, and gauges of the whole installation.

A gauge whose source (database, Redis) does not answer is left out: an absent value is not a zero.
"""

import logging
from collections.abc import Iterator

import redis
from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from batches.models import BatchSession, Status
from batches.ops import counters, heartbeats
from batches.running import turns
from batches.running.queue import queue_length

log = logging.getLogger(__name__)


def metrics(_request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(Installation())
    registry.register(counters.HOST)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Installation(Collector):
    """Gauges that are read at each scrape; every server exports the same."""

    def collect(self) -> Iterator[Metric]:
        for source in (_from_database, _from_redis):
            try:
                yield from source()
            except (DatabaseError, redis.RedisError) as error:
                log.warning("metrics left out: %s", error)


def _from_database() -> list[Metric]:
    batches = GaugeMetricFamily("backtester_batches", "Stored batches, by status.", labels=["status"])
    counts = dict(BatchSession.objects.order_by().values_list("status").annotate(Count("pk")))
    for status in Status:
        batches.add_metric([status], counts.get(status, 0))
    unserved = GaugeMetricFamily(
        "backtester_longest_unserved_seconds", "Seconds for which the longest unserved batch has waited for its turn."
    )
    unserved.add_metric([], turns.longest_wait(timezone.now()))
    return [batches, unserved]


def _from_redis() -> list[Metric]:
    processes = GaugeMetricFamily(
        "backtester_processes", f"Processes with a heartbeat in the last {heartbeats.TTL_S} s.", labels=["role"]
    )
    roles = {role: heartbeats.present(role) for role in (heartbeats.WEB, heartbeats.WORKER, heartbeats.WATCHDOG)}
    for role, present in roles.items():
        processes.add_metric([role], len(present))
    slots = GaugeMetricFamily("backtester_worker_slots", "Chunks that can be computed at a time.")
    slots.add_metric([], sum(numbers["processes"] for numbers in roles[heartbeats.WORKER].values()))
    streams = GaugeMetricFamily("backtester_live_connections", "Open streams, by transport.", labels=["transport"])
    # The heartbeat of this process may be two seconds old.
    servers = roles[heartbeats.WEB] | {heartbeats.process_name(): counters.open_streams}
    for transport in counters.open_streams:
        streams.add_metric([transport], sum(numbers[transport] for numbers in servers.values()))
    return [processes, slots, streams, _queue_depth()]


def _queue_depth() -> Metric:
    depth = GaugeMetricFamily("backtester_queue_depth", "Messages that wait for a worker; each is worth a time slice.")
    if (length := queue_length()) is not None:
        depth.add_metric([], length)
    return depth
