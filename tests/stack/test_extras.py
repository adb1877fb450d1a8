"""Servers and workers run without the packages of the extras, and the server starts without pandas."""

import os
import subprocess
import sys

import pytest

from tests.support.stack_process import ROOT

SERVER = """
import backtester.asgi, backtester.stack.daphne.server
from django.core.management import call_command
call_command("check")
assert "pandas" not in sys.modules, "only an import of prices needs it"
"""
BLOCKED = "import sys; sys.modules |= dict.fromkeys(['httpx', 'rich', 'websockets'])"


@pytest.mark.parametrize(
    ("settings", "program"),
    [
        ("backtester.settings", SERVER),
        ("backtester.worker_settings", "from backtester.celery import app; app.loader.import_default_modules()"),
        ("backtester.worker_settings", "import backtester.management.commands.watchdog"),
    ],
    ids=["server", "worker", "watchdog"],
)
def test_a_part_of_the_stack_imports_none_of_them(tmp_path, settings, program):
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": settings}
    source = f"{BLOCKED}\nimport django; django.setup()\n{program}"
    done = subprocess.run([sys.executable, "-c", source], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
