"""Child processes that do not outlive their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from backtester.stack.console import say
from backtester.stack.counter_files import prepare_counter_files

PR_SET_PDEATHSIG = 1
CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOG_MAX_BYTES = 10 * 1024 * 1024
# Loaded before any fork: a child between fork and exec must not import anything.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when `parent` ends, however it ends (Linux only)."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), number)


def _die_with_parent() -> Callable[[], None]:
    parent = os.getpid()
    return lambda: die_with_parent(parent)


def part_environment() -> dict[str, str]:
    """Return the environment of a part: one thread for numbers, since the stack is parallel by processes only."""
    # Celery prefers CELERY_BROKER_URL to the settings: one of another project would disconnect the worker.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CELERY_BROKER_")}
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))  # from any working directory
    single = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # The C library gives threads up to sixteen memory arenas on two cores, and keeps them. Each request runs in a new
    # thread, so the server would grow as long as it runs. Because of Python's lock two are enough.
    arenas = {"MALLOC_ARENA_MAX": "2"}
    counting = {"PROMETHEUS_MULTIPROC_DIR": str(prepare_counter_files())}
    fixed = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "DATABASE_MUST_EXIST": "true"}
    fixed["DJANGO_SETTINGS_MODULE"] = "backtester.settings"  # not those of the supervisor
    return inherited | single | arenas | counting | fixed


@dataclass(frozen=True)
class Part:
    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    fds: tuple[int, ...] = ()


def start(part: Part, *, to_terminal: bool = False) -> "subprocess.Popen[bytes]":
    """Start a part in its own session, so that only the supervisor receives Ctrl-C.

    Its output goes to its log; with `to_terminal`, standard output goes to the terminal.
    """
    with open_log(part.log) as log:
        return subprocess.Popen(
            part.argv,
            env=part.env,
            stdin=subprocess.DEVNULL,
            stdout=None if to_terminal else log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # safe: the supervisor has one thread
            pass_fds=part.fds,
        )


def open_log(path: Path) -> BinaryIO:
    """Open a log to append to it, or /dev/null where that fails: a part must not depend on space for its log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_MAX_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")
    except OSError as error:
        say(f"  ! {path} cannot be written ({error.strerror}); the output is discarded")
        return open(os.devnull, "ab")


def turn_over(log: Path) -> None:
    """Keep the end of a log that has become too long in `.log.1`, and empty it; its part goes on writing to it."""
    with contextlib.suppress(OSError), log.open("r+b") as file:  # a part must not depend on its log
        if file.seek(0, os.SEEK_END) <= LOG_MAX_BYTES:
            return
        file.seek(-LOG_MAX_BYTES, os.SEEK_END)
        with contextlib.suppress(OSError):  # a full disk: emptying the log is more urgent
            log.with_suffix(".log.1").write_bytes(file.read(LOG_MAX_BYTES))
        file.truncate(0)


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def exit_reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def last_line(log: Path) -> str:
    """Return the last line of a log, usually the reason of a failure; empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip()[:300] if lines else ""
