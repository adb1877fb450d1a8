"""The Celery door: takes an id, calls one function."""

import time
import uuid
from typing import Any

from celery.signals import heartbeat_sent, worker_init, worker_process_init, worker_ready
from django.conf import settings
from django.db import connections
from structlog.contextvars import bound_contextvars

from backtester.celery import app
from backtester.engine import warm_up
from batches.ops import counters, heartbeats
from batches.running import queue, worker

# How long a worker stays with a batch that it cannot queue: work goes on without Redis. Well below the soft time limit.
ALONE_S = 30.0


@app.task(name=queue.RUN_SLICE)
def run_slice(session_id: str) -> None:
    """Work on a batch for one time slice, then go to the end of the queue if there is more to do."""
    until = time.monotonic() + ALONE_S
    with bound_contextvars(session=session_id):
        while worker.work_on(uuid.UUID(session_id)):
            if queue.enqueue(uuid.UUID(session_id)) or time.monotonic() > until:
                return


@worker_init.connect
def compile_before_fork(**_: Any) -> None:
    """The pool's children inherit compiled kernels instead of each loading its own."""
    warm_up()


@worker_process_init.connect
def begin_child(**_: Any) -> None:
    """A database connection must not be shared with the parent; what is counted here is sent from here."""
    connections.close_all()
    counters.allocate()


@worker_ready.connect
def export_counters(**_: Any) -> None:
    """After the pool has forked: a child would inherit the thread's locks."""
    counters.start_exporter()


@heartbeat_sent.connect
def announce_worker(**_: Any) -> None:
    """Every two seconds, for as long as this worker has its broker."""
    heartbeats.announce(heartbeats.WORKER, processes=settings.WORKERS)
