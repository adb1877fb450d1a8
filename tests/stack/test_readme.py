"""The code of README.md, run as it stands there; only the address is that of this stack."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from tests.support.doc_blocks import blocks
from tests.support.stack_process import ROOT

pytestmark = pytest.mark.stack
CURL, COMMAND = blocks("README.md", "bash")
WEBSOCKET, CLIENT, ENGINE = blocks("README.md", "python")


def run(argv, stack, cwd):
    """What it prints."""
    environment = stack.environment | {"BACKTESTER_URL": stack.url}
    done = subprocess.run(argv, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def here(text, stack):
    """With the address of this stack."""
    return text.replace("localhost:8000", stack.url.removeprefix("http://"))


def test_the_curl_commands_start_a_batch_and_read_it_to_its_end(stack, tmp_path):
    start, _, others = here(CURL.text, stack).partition("\n\n")
    answer = json.loads(run(["sh", "-c", start], stack, tmp_path))
    assert answer["total"] == 60
    printed = run(["sh", "-e", "-c", others.replace("…", answer["sessionId"])], stack, tmp_path)
    assert printed.count("event: complete") == 1
    page = json.loads(printed.rpartition("\n\n")[2])
    assert page["results"]
    assert min(row["trades"] for row in page["results"]) >= 30
    assert len(pd.read_parquet(tmp_path / "results.parquet")) == 60
    assert len(pd.read_csv(tmp_path / "results.csv")) == page["total"]


def test_the_events_come_over_a_websocket(stack, tmp_path):
    lines = run([sys.executable, "-c", here(WEBSOCKET.text, stack)], stack, tmp_path).splitlines()
    assert lines[0].startswith("connected ")
    assert lines[-1].startswith("complete 4 4 {")


@pytest.mark.extended
def test_the_command_runs_a_batch(stack, tmp_path):
    command = COMMAND.text.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
    last = json.loads(run(["sh", "-c", command], stack, tmp_path).splitlines()[-1])
    assert (last["type"], last["total"]) == ("complete", 60)


@pytest.mark.extended
def test_the_client_watches_a_batch_and_reads_its_results(stack, tmp_path):
    printed = run([sys.executable, "-c", CLIENT.text], stack, ROOT)
    assert "100.0 {" in printed
    assert "sharpe" in printed


@pytest.mark.extended
def test_the_engine_sweeps_alone(stack):
    printed = run([sys.executable, "-c", ENGINE.text], stack, ROOT)
    assert "[5 rows x " in printed
