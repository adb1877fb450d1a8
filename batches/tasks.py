"""The Celery tasks. Each takes an id and calls one function."""

import time
import uuid
from typing import Any

from celery import shared_task
from celery.signals import heartbeat_sent, worker_init, worker_process_init
from django.conf import settings
from django.db import connections
from structlog.contextvars import bound_contextvars

from backtester.engine import warm_up
from batches.ops import counters, heartbeats
from batches.running import queue, worker

# How long a worker stays with a batch that it cannot queue, so that work goes on without Redis. Well below the soft
# time limit.
WITHOUT_BROKER_S = 30.0


@shared_task(name=queue.RUN_SLICE)
def run_slice(session_id: str) -> None:
    """Work on a batch for one time slice, then queue it again if there may be more to do."""
    until = time.monotonic() + WITHOUT_BROKER_S
    with bound_contextvars(session=session_id):
        while worker.work_on(uuid.UUID(session_id)):
            if queue.enqueue(uuid.UUID(session_id)) or time.monotonic() > until:
                return


@worker_init.connect
def compile_before_fork(**_: Any) -> None:
    """Compile the kernels once; the pool's children inherit them."""
    warm_up()
    counters.start_exporter()


@worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Drop the parent's database connections, which a child must not share."""
    connections.close_all()
    counters.allocate()


@heartbeat_sent.connect
def announce_worker(**_: Any) -> None:
    """Every two seconds while the worker has its broker."""
    heartbeats.announce(heartbeats.WORKER, processes=settings.WORKERS)
