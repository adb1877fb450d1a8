"""Prepare the database, sample prices and compiled kernels before the parts start."""

import sys
from collections.abc import Mapping
from pathlib import Path

from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from backtester.stack import kernel_cache
from backtester.stack.console import step
from backtester.stack.errors import StackError
from backtester.stack.process import Part, kill_group, last_line, start
from backtester.stack.stop_signals import StopSignals
from batches.models import Instrument

SAMPLE = Path(__file__).resolve().parent.parent / "sample_data" / "sp500_20_close.csv.gz"
SAMPLE_SOURCE = "sample: adjusted daily closes as distributed with skfolio (BSD-3)"
SAMPLE_ARGUMENTS = [str(SAMPLE), "--source", SAMPLE_SOURCE, "--group", "Sample"]  # the form opens with this group
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"


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


def load_sample(env: Mapping[str, str], logs: Path, signals: StopSignals) -> None:
    """Load the sample prices if there are none."""
    try:
        if Instrument.objects.exists():
            return
    finally:
        connections.close_all()
    with step("Loading the sample prices"):
        _run("load_sample", [], env, logs, signals)


def warm_kernels(env: Mapping[str, str], logs: Path, signals: StopSignals) -> None:
    """Compile the kernels, before several processes do it at once. Skipped while the cache is valid."""
    if kernel_cache.is_warm(Path(env["NUMBA_CACHE_DIR"])):
        return
    with step("Compiling the kernels (the first start only)"):
        _run("warm_kernels", [], env, logs, signals)


def _run(command: str, arguments: list[str], env: Mapping[str, str], logs: Path, signals: StopSignals) -> None:
    """Run a management command in a process: the supervisor stays small and responds to signals."""
    log = logs / f"{command}.log"
    part = Part(command, [sys.executable, str(MANAGE), command, *arguments], env, log)
    process = start(part, to_terminal=True)
    try:
        while process.poll() is None:
            signals.wait(0.2)
            signals.raise_if_stopped()
    finally:
        kill_group(process)
        process.wait(timeout=5)
    if process.returncode != 0:
        raise StackError(f"{last_line(log) or command + ' failed'} (see {log})")
