"""The commands without the packages of their extra."""

import subprocess
import sys

import pytest

from tests.support.stack_process import ROOT


@pytest.mark.parametrize("package", ["httpx", "rich", "websockets"])
def test_a_missing_package_is_one_sentence_that_names_the_extra(package):
    source = f"import sys; sys.modules[{package!r}] = None; import backtester.terminal"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=60)
    sentence = f"this command needs {package}: install the extra `terminal`, as in pip install -e '.[terminal]'."
    assert (done.returncode, done.stderr) == (1, f"error: {sentence}\n")
