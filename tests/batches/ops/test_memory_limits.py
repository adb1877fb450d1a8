"""The memory that a worker may take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batches.ops import memory_limits

GIB = 1024**3


def test_an_array_beyond_the_share_of_a_worker_is_a_memory_error():
    program = (
        "import django; django.setup()\n"
        "import numpy as np\n"
        "from django.conf import settings\n"
        "from batches.ops import memory_limits\n"
        f"settings.WORKER_MAX_MEMORY = {2 * GIB}\n"
        "memory_limits.limit_worker()\n"
        "np.zeros(2**26)\n"
        "try: np.zeros(2**29)\n"
        "except MemoryError as error: print(error)\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "backtester.worker_settings"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    assert ran.stdout.startswith("Unable to allocate 4.00 GiB"), ran.stderr


@pytest.mark.parametrize(("machine", "workers", "share"), [(64, 4, 8), (8, 16, 1)])
def test_workers_share_half_of_the_machine(settings, monkeypatch, machine, workers, share):
    settings.WORKERS = workers
    monkeypatch.setattr(memory_limits, "machine_bytes", lambda: machine * GIB)
    assert memory_limits.worker_share() == share * GIB


def test_a_container_has_less_memory_than_its_machine(tmp_path, monkeypatch):
    limit, unlimited = tmp_path / "memory.max", tmp_path / "unlimited"
    limit.write_text("1048576\n")
    unlimited.write_text("max\n")
    monkeypatch.setattr(memory_limits, "CGROUP_LIMITS", (limit, unlimited, tmp_path / "missing"))
    assert memory_limits.machine_bytes() == 1_048_576
    monkeypatch.setattr(memory_limits, "CGROUP_LIMITS", (unlimited,))
    assert memory_limits.machine_bytes() > 1_048_576
