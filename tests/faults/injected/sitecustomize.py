"""Inject faults into every Python process of a stack under test, which has this folder on its PYTHONPATH.

The files in FAULTS_DIR choose the faults: `clock` (seconds to add), `pages` (page limit of the database), `chunk.json`
(what happens to chunks that are computed). PRETENDED_HOST replaces the host name.
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


def fault_file(name):
    try:
        return (FOLDER / name).read_text()
    except OSError:
        return ""


def shifted_time():
    return real_time() + float(fault_file("clock") or 0)


def shift_clock(module):
    module.now = lambda: datetime.now(tz=timezone.utc) + timedelta(seconds=float(fault_file("clock") or 0))  # noqa: UP017


def limit_pages(module):
    connect = module.DatabaseWrapper.get_new_connection

    def connect_with_limit(self, parameters):
        connection = connect(self, parameters)
        if pages := fault_file("pages"):
            connection.execute(f"PRAGMA max_page_count={int(pages)}").fetchall()
        return connection

    module.DatabaseWrapper.get_new_connection = connect_with_limit


def disturb_chunks(module):
    run_slice = module.run_slice

    def disturbed(grid, prices, start, *args, **kwargs):
        fault = chunk_fault()
        time.sleep(fault.get("pace_s", 0))
        if fault.get("symbol") in (prices.symbol, "*"):
            MISHAPS[fault["mishap"]]()
        while chunk_fault().get("held") == start:
            time.sleep(0.01)
        return run_slice(grid, prices, start, *args, **kwargs)

    module.run_slice = disturbed


def choose_chunks(module):
    fitting = module._fitting

    def one_at_a_time(waiting, turn):
        """Claim single chunks when there is a pace or one is held; otherwise small chunks share transactions."""
        fault = chunk_fault()
        waiting = [chunk for chunk in waiting if chunk.start != fault.get("withheld")]
        if fault.get("pace_s"):
            return waiting[:1]
        return fitting(list(takewhile(lambda chunk: chunk.start != fault.get("held"), waiting)), turn) or waiting[:1]

    module._fitting = one_at_a_time


def chunk_fault():
    """Return the fault of chunks. held : first index of a chunk that does not end; withheld : of one never claimed."""
    return json.loads(fault_file("chunk.json") or "{}")


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
    "batches.running.attempts": disturb_chunks,
    "batches.running.worker": choose_chunks,
}


class AfterImport(MetaPathFinder):
    """Change a module right after its import."""

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
