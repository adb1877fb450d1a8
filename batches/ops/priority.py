"""The scheduling priority of workers, below the server's: on a busy machine batches wait, and clients do not."""

import contextlib
import os
from pathlib import Path

NICE = 5  # a third of the weight of the server while both want the same core; all of the core otherwise
AUTOGROUP = Path("/proc/self/autogroup")


def yield_to_server() -> None:
    """Lower the priority of this process and of those that it will start.

    Linux compares sessions before it compares the processes in them, so a session of the worker's own is lowered too;
    that of a terminal, or of another supervisor, is not ours.
    """
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # the kernel has no groups, or the container cannot write to it
            AUTOGROUP.write_text(str(NICE))
