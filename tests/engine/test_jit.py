"""Machine code on disk is used again, and never that of an older source."""

import shutil
import subprocess
import sys

import backtester.engine.jit

KERNELS = """
from engine.jit import kernel
from engine.inner import step_nb

@kernel
def outer_nb(value):
    return step_nb(value)
"""
INNER = """
from engine.jit import inline

@inline
def step_nb(value):
    return value + {step}
"""
ASK = "from engine.kernels import outer_nb; print(outer_nb(1.0), sum(outer_nb.stats.cache_hits.values()))"


def answer(folder, ask=ASK):
    environment = {"NUMBA_CACHE_DIR": str(folder / "cache"), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-c", ask]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout.split()


def test_a_kernel_is_compiled_again_when_a_file_changes_whose_functions_it_has_taken_in(tmp_path):
    package = tmp_path / "engine"
    package.mkdir()
    shutil.copy(backtester.engine.jit.__file__, package)
    (package / "kernels.py").write_text(KERNELS)
    (package / "inner.py").write_text(INNER.format(step=1.0))
    assert answer(tmp_path) == ["2.0", "0"]
    assert answer(tmp_path) == ["2.0", "1"]
    (package / "inner.py").write_text(INNER.format(step=5.0))
    assert answer(tmp_path) == ["6.0", "0"]


COUNTING = """
from engine.jit import kernel

@kernel
def twice_nb(value):
    total = 0
    for _ in range(10):
        total += value
    return total

@kernel
def outer_nb(n):
    k = 0
    while k < n:
        k += twice_nb(k) + twice_nb(7) + 1
    return k
"""


def test_a_literal_is_no_reason_to_compile_a_kernel_again(tmp_path):
    package = tmp_path / "engine"
    package.mkdir()
    shutil.copy(backtester.engine.jit.__file__, package)
    (package / "kernels.py").write_text(COUNTING)
    ask = "from engine.kernels import outer_nb, twice_nb; print(outer_nb(3), len(twice_nb.signatures))"
    assert answer(tmp_path, ask) == ["71", "1"]
