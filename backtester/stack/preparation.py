"""Prepare the database and the sample prices before the parts start, and the kernels before the worker does."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from backtester.stack.console import step
from backtester.stack.errors import StackError
from backtester.stack.process import Part, kill_group, last_line, start
from batches.models import Instrument

SAMPLE = Path(__file__).resolve().parent.parent / "sample_data" / "sp500_20_close.csv.gz"
SAMPLE_SOURCE = "sample: adjusted daily closes as distributed with skfolio (BSD-3)"
SAMPLE_ARGUMENTS = [str(SAMPLE), "--source", SAMPLE_SOURCE, "--group", "Sample"]  # the form opens with this group
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
Wait = Callable[[], None]


def prepare_database() -> None:
    with step("Preparing the database") as notes:
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                call_command("migrate", verbosity=0, interactive=False)
                notes.append(f"{len(plan)} migrations applied")
        except (DatabaseError, InconsistentMigrationHistory) as error:
            raise StackError(
                f"The database cannot be used: {' '.join(str(error).split())} (see DATABASE_URL)."
            ) from None


def load_sample(env: Mapping[str, str], logs: Path, wait: Wait) -> None:
    """Load the sample prices if there are none."""
    try:
        if Instrument.objects.exists():
            return
    finally:
        connections.close_all()
    with step("Loading the sample prices"):
        _run("load_sample", env, logs, wait)


def warm_kernels(env: Mapping[str, str], logs: Path, wait: Wait) -> None:
    """Compile the kernels, before several processes do it at once."""
    with step("Compiling the kernels (the first start only)"):
        _run("warm_kernels", env, logs, wait)


def _run(command: str, env: Mapping[str, str], logs: Path, wait: Wait) -> None:
    """Run a management command in a process: the supervisor stays small. wait : raises when the stack stops"""
    log = logs / f"{command}.log"
    part = Part(command, [sys.executable, str(MANAGE), command], env, log)
    process = start(part, to_terminal=True)
    try:
        while process.poll() is None:
            wait()
    finally:
        kill_group(process)
        process.wait(timeout=5)
    if process.returncode != 0:
        raise StackError(f"{last_line(log) or command + ' failed'} (see {log})")
