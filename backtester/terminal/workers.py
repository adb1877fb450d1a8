"""Processes that work on one batch, forked from a command. They stay when the command is left, until the batch ends."""

import logging
import os
import sys
import time
import uuid

from django.conf import settings
from django.db import connections
from django.utils import timezone

from batches.models import TERMINAL, BatchSession, Status
from batches.running import watchdog, worker

log = logging.getLogger(__name__)
REST_S = 0.2


class Workers:
    """They end when the batch does."""

    def __init__(self, session_id: uuid.UUID, count: int) -> None:
        connections.close_all()  # a connection must not be shared with a child
        sys.stdout.flush()
        sys.stderr.flush()
        self.pids = {_fork(session_id) for _ in range(count)}

    def are_gone(self) -> bool:
        """Whether none is left."""
        self.pids = {pid for pid in self.pids if os.waitpid(pid, os.WNOHANG) == (0, 0)}
        return not self.pids


def _fork(session_id: uuid.UUID) -> int:
    command = os.getpid()
    if pid := os.fork():
        return pid
    try:
        os.setsid()  # Ctrl-C is said to the command alone
        _write_to_log()
        _work(session_id, command)
    except BaseException:
        log.exception("the work on batch %s was broken off", session_id)
    finally:
        os._exit(0)  # nothing of the command is cleaned up twice


def _work(session_id: uuid.UUID, command: int) -> None:
    """Until the batch ends; a paused one rests as long as somebody is there to resume it."""
    while (status := _status(session_id)) not in (None, *TERMINAL):
        if status == Status.PAUSED and os.getppid() != command:
            return
        if not worker.work_on(session_id):
            watchdog.do_round(timezone.now())  # the deadline, and chunks of a worker that was killed
            time.sleep(REST_S)


def _status(session_id: uuid.UUID) -> str | None:
    return BatchSession.objects.filter(pk=session_id).values_list("status", flat=True).first()


def _write_to_log() -> None:
    """The terminal belongs to the command."""
    log = settings.DATA_DIR / "logs" / "run_batch.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    nothing, file = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, number)
