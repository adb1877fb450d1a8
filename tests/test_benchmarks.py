"""A benchmark that nobody runs for a while must still run."""

import os
import subprocess
import sys

import pytest

from tests.support.stack_process import ROOT


@pytest.mark.extended
@pytest.mark.timeout(400)
def test_a_checkout_is_compared_with_itself(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    argv = [sys.executable, "-m", "benchmarks.live_paired", str(ROOT), "--watchers", "3", "--rounds", "2"]
    table = subprocess.check_output(argv, cwd=ROOT, env=environment, text=True, timeout=380).splitlines()
    assert [line.split("|")[1].split(",")[0].strip() for line in table[2:]] == [
        "processor time per event",
        "lateness p50",
        "lateness p99",
    ]
