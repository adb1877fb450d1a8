"""Workers run at a lower priority than the server."""

import os
import subprocess
import sys

import pytest

from batches.ops import priority

PROGRAM = "from batches.ops import priority; priority.yield_to_server(); import os; print(os.nice(0))"


def output(program, **options):
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, **options)
    return ran.stdout


@pytest.mark.parametrize("is_own_session", [True, False])
def test_a_worker_lowers_its_own_priority(is_own_session):
    nice = int(output(PROGRAM, start_new_session=is_own_session))
    assert nice == min(19, os.nice(0) + priority.NICE)


@pytest.mark.skipif(not priority.AUTOGROUP.exists(), reason="the kernel does not group processes by session")
def test_only_a_session_of_its_own_is_lowered_too():
    program = f"{PROGRAM}; print(priority.AUTOGROUP.read_text())"
    own, other = (output(program, start_new_session=is_own_session).split() for is_own_session in (True, False))
    assert own[-2:] == ["nice", str(priority.NICE)]
    assert other[-2:] == priority.AUTOGROUP.read_text().split()[-2:]
