"""The Celery task and what a worker does when it starts."""

import time
from typing import Any

from celery import shared_task
from celery.signals import heartbeat_sent, worker_init, worker_process_init
from django.conf import settings
from django.db import connections

from backtester.engine import warm_up
from batches.ops import counters, heartbeats, memory, memory_limits
from batches.running import queue, worker
from batches.sweep import foreign_code

WITHOUT_BROKER_S = 30.0  # in which a worker goes on without Redis; well below the soft time limit


@shared_task(name=queue.RUN_SLICE)
def run_slice(*_session_id: str) -> None:
    """Work for one time slice, then hand on to the next message if there may be more to do.

    Messages of the version before carry an id.
    """
    until = time.monotonic() + WITHOUT_BROKER_S
    while worker.take_turns():
        if queue.hand_on() or time.monotonic() > until:
            return


@worker_init.connect
def compile_before_fork(**_: Any) -> None:
    """Compile the kernels once; the pool's children inherit them. A user's own code runs in children only."""
    warm_up()
    counters.start_exporter()
    memory.freeze()


@worker_process_init.connect
def begin_child(**_: Any) -> None:
    """Drop the parent's database connections, which a child must not share, and limit its memory."""
    connections.close_all()
    memory_limits.limit_worker()
    foreign_code.end_process_if_needed()
    counters.allocate()


@heartbeat_sent.connect
def announce_worker(**_: Any) -> None:
    """Every two seconds while the worker has its broker."""
    heartbeats.announce(heartbeats.WORKER, processes=settings.WORKERS)
