"""The Celery door: takes an id, calls one function."""

import uuid
from typing import Any

from celery.signals import worker_init, worker_process_init
from django.db import connections

from backtester.celery import app
from backtester.engine import warm_up
from batches import execution, queueing


@app.task(name=queueing.RUN_SLICE)
def run_slice(session_id: str) -> None:
    """Work on a batch for one time slice, then go to the end of the queue if there is more to do."""
    if execution.work_on(uuid.UUID(session_id)):
        queueing.enqueue(uuid.UUID(session_id))


@worker_init.connect
def compile_before_fork(**_: Any) -> None:
    """The pool's children inherit compiled kernels instead of each loading its own."""
    warm_up()


@worker_process_init.connect
def forget_inherited_connections(**_: Any) -> None:
    """A database connection must not be shared with the parent."""
    connections.close_all()
