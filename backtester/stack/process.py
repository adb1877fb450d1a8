"""A child process that does not outlive its parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backtester.stack.counter_files import prepare_counter_files

PR_SET_PDEATHSIG = 1
CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOG_MAX_BYTES = 10 * 1024 * 1024
# Loaded before any fork: a child between fork and exec must not import anything.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send us `number` when `parent` ends, however it ends (Linux only)."""
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:  # it ended before the kernel knew of our wish
        os.kill(os.getpid(), number)


def _leash() -> Callable[[], None]:
    parent = os.getpid()
    return lambda: die_with_parent(parent)


def part_environment() -> dict[str, str]:
    """Ours, for a part. Processes are the only axis of parallelism, so no threads below, and little memory for them."""
    # Celery asks CELERY_BROKER_URL before our settings: one left there by another project would cut the worker off.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CELERY_BROKER_")}
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))  # from any working directory
    single = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # The C library gives threads arenas of their own, sixteen of them on two cores, and each keeps what it once needed:
    # requests come in ever new threads, and the server would grow for as long as it runs. Python's own lock makes more
    # than two useless.
    frugal = {"MALLOC_ARENA_MAX": "2"}
    counting = {"PROMETHEUS_MULTIPROC_DIR": str(prepare_counter_files())}
    return inherited | single | frugal | counting | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Part:
    """One program of the stack."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    fds: tuple[int, ...] = ()


def start(part: Part, *, to_terminal: bool = False) -> "subprocess.Popen[bytes]":
    """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone.

    It writes to its log; with `to_terminal`, what is meant to be read goes to the terminal, and only errors to the log.
    """
    part.log.parent.mkdir(parents=True, exist_ok=True)
    if part.log.exists() and part.log.stat().st_size > LOG_MAX_BYTES:
        part.log.replace(part.log.with_suffix(".log.1"))
    with part.log.open("ab") as log:
        return subprocess.Popen(
            part.argv,
            env=part.env,
            stdin=subprocess.DEVNULL,
            stdout=None if to_terminal else log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_leash(),  # safe: the supervisor has one thread
            pass_fds=part.fds,
        )


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def last_line(log: Path) -> str:
    """What a part said last: most often the reason."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 4096))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
