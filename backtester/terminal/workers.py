"""Worker processes of a command, for a machine without a stack.

They are forked, so that they inherit the compiled kernels, and detached, so that a batch goes on after the command is
left or its terminal is closed. They end with the verdict on it.
"""

import logging
import os
import sys
import time
import uuid

from django.conf import settings
from django.db import connections
from django.utils import timezone

from batches.models import TERMINAL, BatchSession, Status
from batches.ops import memory_limits
from batches.running import watchdog, worker
from batches.sweep import foreign_code
from batches.verdict import jobs as verdict_jobs
from batches.verdict import turns as verdict_turns

log = logging.getLogger(__name__)
IDLE_S = 0.2


class Workers:
    def __init__(self, session_id: uuid.UUID, count: int) -> None:
        connections.close_all()  # a connection must not be shared with a child
        sys.stdout.flush()
        sys.stderr.flush()
        self.pids = {_fork(session_id) for _ in range(count)}

    def are_gone(self) -> bool:
        self.pids = {pid for pid in self.pids if os.waitpid(pid, os.WNOHANG) == (0, 0)}
        return not self.pids


def _fork(session_id: uuid.UUID) -> int:
    command = os.getpid()
    if pid := os.fork():
        return pid
    try:
        os.setsid()  # Ctrl-C and a closed terminal reach the command only
        _redirect_to_log()
        memory_limits.limit_worker()
        foreign_code.end_process_if_needed()
        _work(session_id, command)
    except BaseException:
        log.exception("worker of batch %s failed", session_id)
    finally:
        os._exit(0)  # the command's exit handlers must not run twice


def _work(session_id: uuid.UUID, command: int) -> None:
    """Work until the batch ends and is judged, or until it is paused and the command that could resume it is gone."""
    while (status := _status(session_id)) not in (None, *TERMINAL):
        if status == Status.PAUSED and os.getppid() != command:
            return
        if not worker.take_turns(session_id):
            watchdog.do_round(timezone.now())  # ends the batch at its deadline, takes back chunks of killed workers
            time.sleep(IDLE_S)
    while verdict_jobs.is_computing(session_id):
        if not verdict_turns.take_turn(only=session_id):  # another worker has it
            time.sleep(IDLE_S)


def _status(session_id: uuid.UUID) -> str | None:
    return BatchSession.objects.filter(pk=session_id).values_list("status", flat=True).first()


def _redirect_to_log() -> None:
    path = settings.DATA_DIR / "logs" / "run_batch.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    null, log_file = os.open(os.devnull, os.O_RDONLY), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, source in ((0, null), (1, log_file), (2, log_file)):
        os.dup2(source, number)
