"""Servers and workers run without the packages of the extras `client` and `terminal`."""

import os
import subprocess
import sys

import pytest

from tests.support.stack_process import ROOT

BLOCKED = "import sys; sys.modules |= dict.fromkeys(['httpx', 'rich', 'websockets']); "


@pytest.mark.parametrize(
    ("settings", "program"),
    [
        ("backtester.settings", "import backtester.asgi, backtester.stack.daphne.server"),
        ("backtester.worker_settings", "from backtester.celery import app; app.loader.import_default_modules()"),
        ("backtester.settings", "from django.core.management import call_command; call_command('watchdog', '--help')"),
        ("backtester.settings", "from django.core.management import call_command; call_command('check')"),
    ],
    ids=["server", "worker", "watchdog", "checks"],
)
def test_a_part_of_the_stack_imports_none_of_them(tmp_path, settings, program):
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": settings}
    source = f"{BLOCKED}import django; django.setup(); {program}"
    done = subprocess.run([sys.executable, "-c", source], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
