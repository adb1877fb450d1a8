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


@pytest.mark.extended
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        ("prices --symbols 30 --bars 400", "a search among them"),
        ("history --batches 300", "an id"),
        ("minutes --bars 20000 --rounds 1", "page of one test"),
        ("verdict cost --tests 200", "most memory of the process"),
        ("verdict million --tests 5000", "verdict of 2 workers"),
        ("verdict walk --tests 200", "walk-forward of 12 windows"),
        ("verdict line", "21 chunks: to record one takes"),
        ("verdict noise --seeds 1", "momentum"),
    ],
)
def test_a_benchmark_runs_to_its_end(arguments, last):
    name, *options = arguments.split()
    environment = {
        key: value for key, value in os.environ.items() if key not in {"DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
    }
    argv = [sys.executable, "-m", f"benchmarks.{name}", *options]
    lines = subprocess.check_output(argv, cwd=ROOT, env=environment, text=True, timeout=380).splitlines()
    assert lines[-1].strip().startswith(last)
