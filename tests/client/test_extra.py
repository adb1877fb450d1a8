"""The client without the packages of its extra."""

import subprocess
import sys

import pytest

from tests.support.stack_process import ROOT


@pytest.mark.parametrize("package", ["httpx", "websockets"])
def test_a_missing_package_is_one_sentence_that_names_the_extra(package):
    source = f"import sys; sys.modules[{package!r}] = None; import backtester.client"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: backtester.client needs {package}: install the extra `client`,"
        " as in pip install -e '.[client]'."
    )
