"""Counters and histograms of this host, for Prometheus.

The parts of a stack run in Prometheus' multiprocess mode (`PROMETHEUS_MULTIPROC_DIR`): any of them exports what all
processes of its host counted, also those that ended. Elsewhere, as in a command, a process counts for itself.
"""

import logging
import os
import sys
from contextlib import suppress

import prometheus_client
from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)
COUNTER_FILE_BYTES = 64 * 1024  # the size of a new file of prometheus_client


class ReservedFile(MmapedDict):
    """The counts of a process. On a full disk they are kept in memory, and the other processes do not see them."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        super().__init__(filename if read_mode else _reserved(filename), read_mode)  # type: ignore[no-untyped-call]


def _reserved(filename: str) -> str:
    """Reserve the blocks of a new file: a write to a mapped page without one would kill the process (SIGBUS)."""
    if sys.platform != "linux" or os.path.exists(filename):
        return filename
    try:
        with open(filename, "ab") as file:
            os.posix_fallocate(file.fileno(), 0, COUNTER_FILE_BYTES)
    except OSError as error:
        log.warning("counts of this process are not exported: %s", error)
        with suppress(OSError):
            os.unlink(filename)
        return f"/proc/self/fd/{os.memfd_create('counters')}"
    return filename


prometheus_client.values.MmapedDict = ReservedFile  # type: ignore[attr-defined]
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # multiprocess mode has none either

PROCESS = CollectorRegistry()
COMBINATIONS = Counter("backtester_combinations", "Tests done, by outcome.", ["outcome"], registry=PROCESS)
SUCCESSFUL, FAILED = COMBINATIONS.labels("successful"), COMBINATIONS.labels("failed")
EVENTS_PUBLISHED = Counter("backtester_events_published", "Events published to the channel layer.", registry=PROCESS)
EVENTS_DROPPED = Counter(
    "backtester_events_dropped",
    "Events that could not be published; watchers read the row instead.",
    registry=PROCESS,
)
CHUNK_SECONDS = Histogram(
    "backtester_chunk_seconds",
    "Time to compute one chunk.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30),
    registry=PROCESS,
)
PUBLISH_SECONDS = Histogram(
    "backtester_publish_seconds",
    "Time to publish one event.",
    buckets=(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25),
    registry=PROCESS,
)
HOST: Collector = PROCESS
if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    HOST = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

open_streams = {"sse": 0, "websocket": 0}  # of this process; its heartbeats carry them


def allocate() -> None:
    """Create this process's file now, before it holds a chunk."""
    EVENTS_DROPPED.inc(0)


def start_exporter() -> None:
    """Serve `HOST` on METRICS_PORT from a thread, for a host without a web server."""
    if not settings.METRICS_PORT:
        return
    try:
        prometheus_client.start_http_server(settings.METRICS_PORT, settings.HOST, HOST)
    except OSError as error:  # another part of this host exports already
        log.warning("metrics exporter not started on port %d: %s", settings.METRICS_PORT, error)
