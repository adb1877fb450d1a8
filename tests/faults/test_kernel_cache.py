"""The folder of compiled kernels is damaged, cannot be written, or is filled by several processes at once."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import LONG
from tests.support.stack_process import ROOT

pytestmark = [pytest.mark.timeout(900)]
# A sweep takes ten seconds each time that its kernels are compiled. All go to their files by the same door, so that the
# short form of the suite computes what takes one kernel.
SWEEP = """
import hashlib, numpy as np, pandas as pd
from backtester.engine import sweep
days = pd.date_range("2000-01-01", periods=900)
prices = pd.DataFrame({"A": 100 + 10 * np.sin(np.arange(900) / 9) + np.arange(900) * 0.01}, index=days)
table = sweep("sma_cross", prices, {"fast": [3, 5, 8], "slow": [20, 50]})
print(hashlib.sha256(table.drop(columns="symbol").to_numpy(float).tobytes()).hexdigest())
"""
ONE_KERNEL = """
import hashlib, numpy as np
from backtester.engine import Prices, Rules, buy_and_hold
days = np.datetime64("2000-01-01") + np.arange(900)
prices = Prices("A", days, 100 + 10 * np.sin(np.arange(900) / 9) + np.arange(900) * 0.01)
print(hashlib.sha256(repr(buy_and_hold(prices, Rules())).encode()).hexdigest())
"""


def begin(cache):
    """A process that computes with that folder."""
    environment = {"NUMBA_CACHE_DIR": str(cache), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP if LONG else ONE_KERNEL],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def numbers(process):
    """What it has computed, as a hash."""
    try:
        said, complaints = process.communicate()
    finally:
        process.kill()  # beside the next tests, those that outlive the limit of this one would make them slow, too
    assert process.returncode == 0, complaints
    return said.strip()


@pytest.fixture(scope="module")
def cold(tmp_path_factory):
    """(folder, numbers) of a process that began with nothing."""
    cache = tmp_path_factory.mktemp("kernels") / "cache"
    return cache, numbers(begin(cache))


@pytest.mark.extended
def test_four_processes_that_compile_at_once_get_the_same_numbers(cold, tmp_path):
    cache, expected = tmp_path / "cache", cold[1]
    assert {numbers(process) for process in [begin(cache) for _ in range(4)]} == {expected}
    assert list(cache.rglob("*.nbc"))
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert numbers(begin(cache)) == expected
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == before, "nothing was compiled again"


@pytest.mark.parametrize(
    ("pattern", "damage"),
    [
        ("*.nbi", "garbage"),
        ("*.nbc", ""),
        pytest.param("*.nbi", "", marks=pytest.mark.extended),
        pytest.param("*.nbc", "garbage", marks=pytest.mark.extended),
    ],
)
def test_a_damaged_cache_is_made_anew(cold, tmp_path, pattern, damage):
    cache, expected = cold
    damaged = shutil.copytree(cache, tmp_path / "cache")
    files = list(damaged.rglob(pattern))
    assert files
    for file in files:
        file.write_text(damage)
    assert numbers(begin(damaged)) == expected
    assert all(file.read_bytes() != damage.encode() for file in files if file.exists())


def test_a_cache_that_cannot_be_written_changes_no_number(cold, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert numbers(begin(tmp_path / "file" / "cache")) == cold[1]
