"""Loaded by every Python process of a stack under test (it lies on their PYTHONPATH); the product knows nothing of it.

Misbehaves as the files in FAULTS_DIR tell: `clock` (seconds to add), `pages` (the most pages that the database may
have), `chunk.json` (what happens to chunks that are computed). PRETENDED_HOST is the name of a host of its own.
"""

import ctypes
import json
import os
import resource
import socket
import sys
import time
from datetime import datetime, timedelta, timezone
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from itertools import takewhile
from pathlib import Path

FOLDER = Path(os.environ["FAULTS_DIR"])
real_time = time.time


def told(name):
    try:
        return (FOLDER / name).read_text()
    except OSError:
        return ""


def shifted_time():
    return real_time() + float(told("clock") or 0)


def shift_clock(module):
    module.now = lambda: datetime.now(tz=timezone.utc) + timedelta(seconds=float(told("clock") or 0))  # noqa: UP017


def limit_pages(module):
    connect = module.DatabaseWrapper.get_new_connection

    def connect_with_limit(self, parameters):
        connection = connect(self, parameters)
        if pages := told("pages"):
            connection.execute(f"PRAGMA max_page_count={int(pages)}").fetchall()
        return connection

    module.DatabaseWrapper.get_new_connection = connect_with_limit


def spoil_chunks(module):
    run_slice, fitting = module.run_slice, module._fitting

    def spoiled(grid, prices, start, *args, **kwargs):
        fault = chunk_fault()
        time.sleep(fault.get("pace_s", 0))
        if fault.get("symbol") in (prices.symbol, "*"):
            MISHAPS[fault["mishap"]]()
        while chunk_fault().get("held") == start:
            time.sleep(0.01)
        return run_slice(grid, prices, start, *args, **kwargs)

    def one_at_a_time(waiting):
        """A pace is that of single chunks, and one that is held is alone; else small chunks share transactions."""
        fault = chunk_fault()
        waiting = [chunk for chunk in waiting if chunk.start != fault.get("withheld")]
        if fault.get("pace_s"):
            return waiting[:1]
        return fitting(list(takewhile(lambda chunk: chunk.start != fault.get("held"), waiting))) or waiting[:1]

    module.run_slice, module._fitting = spoiled, one_at_a_time


def chunk_fault():
    """What happens to chunks now. held : the first index of one that does not end; withheld : of one nobody gets."""
    return json.loads(told("chunk.json") or "{}")


def exception():
    raise ArithmeticError("injected")


def segfault():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def out_of_memory():
    limits = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**24, limits[1]))
    try:
        bytearray(2**32)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


MISHAPS = {"exception": exception, "segfault": segfault, "out_of_memory": out_of_memory}
CHANGES = {
    "django.utils.timezone": shift_clock,
    "django.db.backends.sqlite3.base": limit_pages,
    "batches.running.worker": spoil_chunks,
}


class AfterImport(MetaPathFinder):
    """Changes a module right after it was imported."""

    def find_spec(self, name, path, target=None):
        if name not in CHANGES:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def execute_and_change(module):
            execute(module)
            CHANGES[name](module)

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


time.time = shifted_time
if "PRETENDED_HOST" in os.environ:
    socket.gethostname = lambda: os.environ["PRETENDED_HOST"]
sys.meta_path.insert(0, AfterImport())
