"""How much memory a worker may take."""

import contextlib
import os
import resource
from pathlib import Path

from django.conf import settings

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
WORKERS_SHARE, LEAST_SHARE_BYTES = 0.5, 1024**3  # of the machine for all workers, and for each at least


def limit_worker() -> None:
    """Let a worker that takes more than its share fail with MemoryError, before the kernel ends another process."""
    most, (_, hard) = settings.WORKER_MAX_MEMORY or worker_share(), resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def worker_share() -> int:
    return max(LEAST_SHARE_BYTES, int(WORKERS_SHARE * machine_bytes() / settings.WORKERS))


def machine_bytes() -> int:
    """Return the memory of the machine, or of the container."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # another version of cgroups, or "max"
            limits.append(int(path.read_text()))
    return min(limits)
