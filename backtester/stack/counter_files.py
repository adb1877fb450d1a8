"""The files in which the parts of this host count for Prometheus (`PROMETHEUS_MULTIPROC_DIR`)."""

import os
from contextlib import suppress
from pathlib import Path

from django.conf import settings


def prepare_counter_files() -> Path:
    """Return their directory; counts start from zero unless a process that wrote one is still running.

    Only files that were seen before are removed: parts that start at the same time keep theirs.
    """
    directory = _directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_files(directory)
    return directory


def remove_counter_files() -> None:
    """Remove the directory after the parts have stopped, unless another process counts there."""
    with suppress(OSError):
        _remove_files(_directory())
        _directory().rmdir()


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "run" / "counters"


def _remove_files(directory: Path) -> None:
    files = list(directory.glob("*_*.db"))
    if not any(_is_running(file.stem.rpartition("_")[2]) for file in files):
        for file in files:
            file.unlink(missing_ok=True)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
