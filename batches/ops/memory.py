"""The memory of this process: how much there is, and how to give back what the allocator holds."""

import contextlib
import ctypes
import gc
from pathlib import Path

import pyarrow as pa

STATM = Path("/proc/self/statm")  # Linux only
PAGE_BYTES = 4096


def own_bytes() -> int:
    """Return the bytes in memory that are not of a file; 0 where the system does not say."""
    try:
        _, resident, shared, *_ = map(int, STATM.read_text().split())
    except OSError:
        return 0
    return (resident - shared) * PAGE_BYTES


def freeze() -> None:
    """Take what is loaded now out of the garbage collector's sight: it stays, and children share it unchanged.

    Python collects completely once a quarter of what it walks over is new, so a process with much loaded keeps much
    garbage. The second collection makes it count from zero.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


def use_one_allocator() -> None:
    """Let Arrow take its memory from the C library: its own allocator keeps that of threads that have ended."""
    pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Return freed memory to the system: glibc keeps what large arrays of many threads have left."""
    with contextlib.suppress(AttributeError, OSError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)
