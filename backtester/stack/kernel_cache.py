"""Whether the kernels in NUMBA_CACHE_DIR are compiled: a stamp beside them."""

import fcntl
import hashlib
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

ENGINE = Path(__file__).resolve().parent.parent / "engine"


def is_warm(cache: Path) -> bool:
    stamp = cache / "warm"
    return stamp.exists() and stamp.read_text() == _fingerprint()


@contextmanager
def compiling_alone(cache: Path) -> Iterator[None]:
    """Wait until no other process compiles into the cache: side by side they would all do the same work."""
    with ExitStack() as stack:
        with suppress(OSError):  # a read-only cache only costs time at each start
            cache.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((cache / "warm.lock").open("w")), fcntl.LOCK_EX)
        yield


def mark_warm(cache: Path) -> None:
    with suppress(OSError):  # a read-only cache only costs time at each start
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "warm").write_text(_fingerprint())


def _fingerprint() -> str:
    """Return a hash that changes when Numba would compile again: it checks the time and size of each source file."""
    sources = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(ENGINE.rglob("*.py"))]
    machine = (sys.version, platform.machine(), version("numba"), version("llvmlite"))
    return hashlib.sha256(repr((machine, sources)).encode()).hexdigest()
