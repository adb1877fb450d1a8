"""Databases that are made once in a run and copied for every part that wants one: to make one takes seconds."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from backtester.stack import kernel_cache
from backtester.stack.preparation import SAMPLE_ARGUMENTS
from tests.support.stack_process import ROOT


def prepared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The database of a data folder that `make` has filled; the processes of one run share it."""
    run = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder = run / f"prepared-{name}"
    done = folder / "done"
    with (run / f"prepared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            done.touch()
    return folder / "db.sqlite3"


def load_sample(data_dir: Path) -> None:
    """What the first `make run` does before it starts its parts."""
    commands = [["migrate", "-v0"], ["load_prices", *SAMPLE_ARGUMENTS]]
    if not kernel_cache.is_warm(settings.NUMBA_CACHE_DIR):  # else all stacks of this run would compile, side by side
        commands.append(["warm_kernels"])
    for command in commands:
        argv = [sys.executable, str(ROOT / "manage.py"), *command]
        environment = os.environ | {"DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "backtester.worker_settings"}
        subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=500)
