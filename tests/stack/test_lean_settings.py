"""Parts that draw no page start without the apps for pages, on the same database."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest
from django.apps import apps

from backtester import supervisor_settings, worker_settings

PAGES = {"corsheaders", "daphne", "django_htmx", "ninja", "pandas", "psycopg", "unfold"}


@pytest.mark.parametrize(
    ("settings", "module", "unwanted"),
    [
        ("supervisor_settings", "backtester.management.commands.runstack", PAGES | {"celery", "numba", "numpy"}),
        ("worker_settings", "backtester.management.commands.watchdog", PAGES),
    ],
)
def test_a_part_imports_no_more_than_it_needs(tmp_path, settings, module, unwanted):
    code = f"import django; django.setup(); import sys, {module}; print(*sorted({unwanted} & sys.modules.keys()))"
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": f"backtester.{settings}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=os.path.dirname(__file__) + "/../..", capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == []


@pytest.mark.parametrize("lean", [worker_settings, supervisor_settings])
def test_the_apps_that_are_left_out_have_no_tables(lean):
    labels = {app.rpartition(".")[0] if ".apps." in app else app for app in lean.INSTALLED_APPS}
    names = {name.removesuffix(".apps") for name in labels}
    left_out = [config for config in apps.get_app_configs() if config.name not in names]
    assert {config.label for config in left_out} >= {"ninja", "unfold"}
    for config in left_out:
        assert not list(config.get_models())
        assert find_spec(f"{import_module(config.name).__name__}.migrations") is None
