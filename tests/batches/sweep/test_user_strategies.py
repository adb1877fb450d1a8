"""Strategies of the user's own: from a file to a batch, and what happens with those that are broken."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from backtester.engine import ENGINE_VERSION, STRATEGIES
from backtester.engine.strategies import _catalog
from batches.models import BatchSession
from batches.running.retrying import retry
from batches.sweep import user_strategies
from tests.support import jobs
from tests.support.doc_blocks import blocks

ROOT = Path(__file__).resolve().parents[3]
PICKY = """
import numpy as np

from backtester.engine import Parameter, from_function, register


def picky(close, window):
    if window == 13:
        raise ValueError("13 is no lucky window")
    return np.where(close > close.mean(), 1.0, 0.0)


windows = Parameter("window", "int", 5, 1, 50, "bars", "Window", "Bars.", {"start": 1, "stop": 9, "step": 1})
register(from_function(picky, name="picky", title="Picky", parameters=(windows,)))
"""


def documented_file():
    """The worked example of the page about strategies."""
    (block,) = blocks("docs/strategies.md", "python")
    return block.text


def post(body):
    return Client(headers={"Host": "testserver"}).post(
        "/api/backtest/batch", json.dumps(body), content_type="application/json"
    )


@pytest.mark.django_db(transaction=True)
def test_the_documented_file_is_offered_and_swept_like_a_built_in_strategy(folder, start):
    (folder / "buy_the_dip.py").write_text(documented_file(), encoding="utf-8")
    user_strategies.load(folder)
    offered = Client(headers={"Host": "testserver"}).get("/api/strategies").json()["strategies"]
    (entry,) = [each for each in offered if each["name"] == "buy_the_dip"]
    assert [each["name"] for each in entry["parameters"]] == ["dip", "recovery", "lookback"]
    ranges = {"dip": [0.05, 0.1], "recovery": [0.12, 0.2], "lookback": [20, 60]}
    response = post(start(strategy="buy_the_dip", symbols=["ACME", "BOLT"], parameterRanges=ranges))
    assert response.status_code == 202, response.content
    session = jobs.finish(BatchSession.objects.get())
    assert (session.status, session.successful, session.failed) == ("complete", 16, 0)
    assert jobs.stored(session).tobytes() == jobs.computed(session)[0].tobytes()
    assert session.leaders[0]["trades"] > 0


@pytest.mark.django_db
def test_a_combination_that_raises_fails_alone_with_its_message(folder, start):
    (folder / "picky.py").write_text(PICKY, encoding="utf-8")
    user_strategies.load(folder)
    body = start(strategy="picky", symbols=["ACME", "BOLT"], parameterRanges={"window": [12, 13, 14]})
    session = jobs.finish(jobs.submit(body))
    assert (session.status, session.successful, session.failed) == ("complete", 4, 2)
    (cause,) = session.failures
    assert cause["message"] == "picky failed: ValueError: 13 is no lucky window"
    assert cause["count"] == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (line 1)"),
        ("def f(:", "SyntaxError"),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (line 2)"),
        (PICKY.replace('name="picky"', 'name="sma_cross"'), "Strategy 'sma_cross' already exists."),
        (
            PICKY.replace("window", "sharpe"),
            "picky must not have a parameter 'sharpe': results have a column of that name",
        ),
        (PICKY.replace("parameters=(windows,)", "parameters=()"), "The function of picky takes 'window'"),
        (
            PICKY.replace("(windows,)", "(windows,), bars_needed=lambda given: given['fast']"),
            "bars_needed of picky failed on the defaults: KeyError: 'fast'",
        ),
    ],
)
def test_a_broken_file_is_named_with_its_reason_and_the_others_are_loaded(folder, caplog, text, reason):
    (folder / "a_broken.py").write_text(text, encoding="utf-8")
    (folder / "b_fine.py").write_text(PICKY.replace('"picky"', '"fine"'), encoding="utf-8")
    before = STRATEGIES["sma_cross"]
    with caplog.at_level(logging.WARNING):
        user_strategies.load(folder)
    assert "fine" in STRATEGIES
    assert "picky" not in STRATEGIES
    assert STRATEGIES["sma_cross"] is before
    (warning,) = user_strategies.check()
    assert (warning.id, warning.hint) == ("batches.W001", user_strategies.HINT)
    assert "a_broken.py: " + reason in warning.msg
    assert "a_broken.py: " + reason in caplog.text


@pytest.mark.django_db
def test_a_batch_notes_the_code_of_a_strategy_so_that_a_retry_after_a_change_runs_everything_again(folder, start):
    (folder / "picky.py").write_text(PICKY, encoding="utf-8")
    user_strategies.load(folder)
    body = start(strategy="picky", symbols=["ACME"], parameterRanges={"window": [12, 13, 14]})
    session = jobs.finish(jobs.submit(body))
    assert re.fullmatch(rf"{ENGINE_VERSION}\+[0-9a-f]{{12}}", session.engine_version)
    _catalog.pop("picky")
    (folder / "picky.py").write_text(PICKY.replace("== 13", "== 14"), encoding="utf-8")
    user_strategies.load(folder)
    again = retry(session, now=timezone.now())
    assert again.engine_version not in {session.engine_version, ENGINE_VERSION}
    assert (session.successful, again.current) == (2, 0)


def test_files_that_begin_with_an_underscore_and_other_files_are_left_alone(folder):
    (folder / "_half_done.py").write_text("1 / 0", encoding="utf-8")
    (folder / "notes.txt").write_text("1 / 0", encoding="utf-8")
    user_strategies.load(folder)
    user_strategies.load(folder / "missing")
    assert user_strategies.check() == []


def test_an_installed_package_brings_a_strategy_or_a_module_that_registers_its_own(folder, monkeypatch):
    own = PICKY.replace("register(from_function", "FOUND = (from_function").replace('"picky"', '"from_package"')
    (folder / "handed_over.py").write_text(own, encoding="utf-8")
    (folder / "registering.py").write_text(PICKY, encoding="utf-8")
    facts = folder / "made_up-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n", encoding="utf-8")
    entries = "[backtester.strategies]\none = handed_over:FOUND\ntwo = registering\nworse = nowhere.to:BE_FOUND\n"
    (facts / "entry_points.txt").write_text(entries, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    user_strategies.load(folder / "missing")
    for name in ("handed_over", "registering"):
        sys.modules.pop(name, None)
    assert {"from_package", "picky"} <= set(STRATEGIES)
    (warning,) = user_strategies.check()
    assert "entry point worse = nowhere.to:BE_FOUND: ModuleNotFoundError" in warning.msg


def test_every_process_loads_them_when_it_starts_and_the_check_shows_what_it_could_not(folder):
    (folder / "broken.py").write_text("1 / 0", encoding="utf-8")
    (folder / "picky.py").write_text(PICKY, encoding="utf-8")
    program = (
        "import django; django.setup();"
        "from django.core.management import call_command; call_command('check');"
        "from backtester.engine import STRATEGIES; print('picky' in STRATEGIES)"
    )
    environment = os.environ | {"STRATEGIES_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "backtester.settings"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "(batches.W001) Strategies not loaded from" in ran.stderr
    assert ran.stdout.splitlines()[-1] == "True"
