"""The commands beside a running stack, on a real pseudo-terminal and in pipes."""

import json
import re
import signal
import subprocess
import sys

import pandas as pd
import pytest

from backtester.client import Client
from tests.support.stack_process import ROOT

from .pseudo_terminal import CTRL_C, PseudoTerminal

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
SMALL = ("sma_cross", "--symbols", "AAPL", "MSFT", "--set", "fast=5:50:5", "--set", "slow=60,100,200")
# Half a minute of work on two cores, so that no test is too late to cancel it.
LONG = (
    *("volatility_target", "--symbols", "AAPL", "MSFT"),
    *("--set", "window=10:126", "--set", "target=0.05:1.04:0.01", "--set", "every=5:44"),
)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(stack):
    with Client(stack.url) as client:
        yield client


@pytest.fixture
def small(client):
    """A complete batch."""
    batch = client.start("sma_cross", ["AAPL", "MSFT"], {"fast": range(5, 51, 5), "slow": [60, 100, 200]})
    batch.wait()
    return batch


@pytest.fixture
def manage(stack, tmp_path):
    """manage(...): run a command in a pipe."""

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=stack.environment | environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
        )

    return run


def test_a_note_of_the_server_is_printed_once(manage):
    done = manage("run_batch", "sma_cross", "--symbols", "AAPL", "--set", "fast=5", "--slippage", "0.1", "--json")
    assert done.returncode == 0
    assert done.stderr == "note: slippage: 0.1 is 10.0% of the price; 0.1% is 0.001.\n"


def test_a_terminal_shows_a_bar_a_table_and_an_address(stack):
    with PseudoTerminal("run_batch", *SMALL, "--fees", "0.001", env=stack.environment) as terminal:
        assert terminal.end() == 0
    for pattern in (
        r"━.* 100\.0%  60 of 60",
        r"best +AAPL fast=\d+ slow=\d+  \d",
        r"symbol +fast +slow",
        r"Complete: 60 of 60 tests",
        rf"Results: {stack.url}/batches/[0-9a-f-]+/",
        r"(No better than holding|Likely luck|Weak|Too little|More than luck|Holds up)\b.*\.",
    ):
        assert re.search(pattern, terminal.text), terminal.text
    assert "\x1b[?25l" in terminal.raw
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l"), "the cursor is visible again"


def test_ctrl_c_asks_and_a_second_one_leaves_the_batch_running(stack):
    with PseudoTerminal("run_batch", *LONG, env=stack.environment) as terminal:
        terminal.expect("now ")
        terminal.press(CTRL_C)
        terminal.expect(r"Cancel the batch \(c\), leave it running \(l\), or go on watching \(Enter\)\?")
        terminal.press(b"\n")
        terminal.expect(r"\(Enter\)\?[^$]*so far")
        terminal.press(CTRL_C)
        terminal.expect(r"\(Enter\)\?[^$]*\(Enter\)\?")
        terminal.press(CTRL_C)
        assert terminal.end() == 130
        link = terminal.search(r"still running\. .* (http\S+)")
    with PseudoTerminal("watch_batch", link, env=stack.environment) as terminal:
        terminal.expect("now ")
        terminal.press(CTRL_C)
        terminal.expect(r"\(Enter\)\?")
        terminal.press(b"c\n")
        assert terminal.end() == 130
        assert "Cancelled; finished results are kept" in terminal.text
    with PseudoTerminal("watch_batch", link, env=stack.environment) as terminal:
        assert terminal.end() == 1
        assert "error: The batch was cancelled." in terminal.text


def test_in_a_pipe_every_event_is_a_line_of_json(manage):
    done = manage("run_batch", *SMALL, "--sort", "sharpe")
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "connected"
    assert [event["type"] for event in events].count("complete") == 1
    assert events[-1]["results"]["sortedBy"] == "sharpe"
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences))


@pytest.mark.extended
def test_ctrl_c_in_a_pipe_leaves_the_batch_running(stack, client):
    command = [sys.executable, str(ROOT / "manage.py"), "run_batch", *LONG]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=stack.environment, stdout=pipe, stderr=pipe, text=True) as running:
        batch = client.batch(json.loads(running.stdout.readline())["sessionId"])
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=180)
    assert (running.returncode, errors.split()[:5]) == (130, ["The", "batch", "is", "still", "running."])
    assert batch.cancel(), "it was still running"


def test_a_link_is_enough_from_a_machine_without_the_database(manage, small, tmp_path):
    elsewhere = {"DATA_DIR": str(tmp_path / "elsewhere")}
    done = manage("watch_batch", small.page_url, **elsewhere)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["sessionId"] == small.id
    done = manage(
        "export_results", small.page_url, "--out", "some.csv", "--symbol", "msft", "--sort=-sharpe", **elsewhere
    )
    assert re.fullmatch(r"Wrote some\.csv \([\d.]+ kB\)\.\n", done.stderr), done.stderr
    rows = pd.read_csv(tmp_path / "some.csv")
    assert len(rows) == 30
    assert set(rows["symbol"]) == {"MSFT"}
    assert rows["sharpe"].is_monotonic_decreasing


@pytest.mark.extended
def test_an_export_can_go_to_the_standard_output(manage, small):
    done = manage("export_results", small.id, "--format", "json", "--out", "-", "--max", "trades=40")
    rows = json.loads(done.stdout)["results"]
    assert 0 < len(rows) < 60
    assert max(row["trades"] for row in rows) <= 40


@pytest.mark.extended
def test_two_batches_are_compared(manage, small, client):
    other = client.start("sma_cross", ["AAPL", "GE"], {"fast": range(5, 51, 5), "slow": [60, 100, 200]}, fees=0.01)
    other.wait()
    comparison = json.loads(manage("compare", small.id, other.page_url, "--json").stdout)
    assert comparison["metric"] == "annualizedReturn"
    assert (comparison["common"]["tests"], comparison["common"]["same"]) == (30, 0)
    assert comparison["best"][0]["annualizedReturn"] > comparison["best"][1]["annualizedReturn"]
    assert set(comparison["bySymbol"]) == {"AAPL", "GE", "MSFT"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ("run_batch", "sma_crass", "--symbols", "AAPL"),
            1,
            "Unknown strategy 'sma_crass'. Did you mean 'sma_cross'?",
        ),
        (("watch_batch", UNKNOWN), 1, "There is no such batch."),
        pytest.param(
            ("run_batch", "sma_cross"),
            2,
            "the following arguments are required: --symbols",
            marks=pytest.mark.extended,
        ),
    ],
)
def test_an_error_is_one_sentence(manage, arguments, code, sentence):
    done = manage(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
