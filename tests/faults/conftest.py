"""One stack for the faults that leave it usable; the long form of the suite with FAULTS=long."""

import logging
import os

import pytest

from tests.faults.stack_under_test import StackUnderTest
from tests.support.promised import promised
from tests.support.stack_process import is_running

logging.getLogger("httpx").setLevel(logging.WARNING)
FIGURES = []


@pytest.fixture
def measured():
    """measured(what, seconds, limit): a figure of docs/reliability.md; all are shown at the end."""

    def note(what, seconds, limit):
        FIGURES.append((what, seconds, limit))
        assert seconds <= promised(limit), f"{what}: {seconds:.2f} s, at most {limit} s are allowed"

    return note


def pytest_terminal_summary(terminalreporter):
    """The figures, the worst of each kind."""
    if FIGURES:
        terminalreporter.section(f"figures of the fault suite (load {os.getloadavg()[0]:.1f})")
    for what in dict.fromkeys(what for what, _, _ in FIGURES):
        found = [seconds for name, seconds, _ in FIGURES if name == what]
        limit = next(limit for name, _, limit in FIGURES if name == what)
        terminalreporter.line(f"{what}: {max(found):.2f} s at most, of {len(found)} (allowed {limit:g})")


@pytest.fixture(scope="package")
def stack(tmp_path_factory, sample):
    """A stack for all faults that it survives; at the end it stops in order, and no process is left behind."""
    running = StackUnderTest(tmp_path_factory.mktemp("faults") / "data", database=sample)
    try:
        running.start().wait_until_ready()
        yield running
        processes = running.all_pids()
        assert running.end() == 0
        assert [pid for pid in processes if is_running(pid)] == []
    finally:
        if running.is_alive():
            running.end()


@pytest.fixture
def own_stack(tmp_path, sample):
    """own_stack(**environment): a stack of one test."""
    made = []

    def make(**environment):
        made.append(StackUnderTest(tmp_path / f"data{len(made)}", database=sample, **environment))
        return made[-1]

    yield make
    for stack in made:
        if stack.is_alive():
            stack.end()


@pytest.fixture(autouse=True)
def _healed(request):
    """After each test its faults are gone and no batch is stuck."""
    stack = request.getfixturevalue("stack") if "stack" in request.fixturenames else None
    if stack:
        stack.logs_begin_here()
    yield
    if stack:
        stack.chunks()
        stack.tell("pages", "")
        stack.check_nothing_is_stuck()
