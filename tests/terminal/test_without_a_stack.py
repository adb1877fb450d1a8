"""The commands on a machine without a stack: they compute in their own processes."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.support.stack_process import OURS, ROOT

from .pseudo_terminal import CTRL_C, PseudoTerminal

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]  # processes of its own
SLOW = ("volatility_target", "--symbols", "AAPL", "--set", "window=10:126", "--set", "every=5:44")
SWEEP = ("sma_cross", "--symbols", "AAPL", "MSFT", "--set", "fast=2:200", "--set", "slow=205:400")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The environment of a new data folder. A long verdict would go on beside the tests that follow."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    return inherited | {"DATA_DIR": str(tmp_path_factory.mktemp("alone")), "WORKERS": "2", "VERDICT_BUDGET_S": "5"}


@pytest.fixture
def manage(environment):
    """manage(...): run a command in a pipe."""

    def run(*arguments):
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=180)

    return run


@pytest.mark.extended
def test_the_first_run_prepares_the_database_and_computes_the_batch(environment, manage):
    with PseudoTerminal("run_batch", *SWEEP, env=environment) as terminal:
        assert terminal.end() == 0
    assert re.search(r"100\.0%  78,008 of 78,008", terminal.text), terminal.text
    session_id = terminal.search(r"export_results (\S+)")
    done = manage("export_results", session_id, "--out", "-", "--symbol", "AAPL")
    assert len(done.stdout.splitlines()) == 39_005


def test_a_batch_that_is_left_goes_on_without_the_terminal(environment, manage):
    with PseudoTerminal("run_batch", *SLOW, "--set", "target=0.1:0.25:0.01", env=environment) as terminal:
        terminal.expect(r"(loading|testing) ")
        terminal.press(CTRL_C)
        terminal.expect(r"\(Enter\)\?")
        terminal.press(b"l\n")
        assert terminal.end() == 130
        session_id = terminal.search(r"still running\. .*/batches/(\S+)/")
    done = manage("watch_batch", session_id)
    event = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, event["type"], event["successfulTests"]) == (0, "complete", 74_880)


@pytest.mark.extended
def test_a_cancelled_batch_ends_with_its_workers(environment, manage):
    with PseudoTerminal("run_batch", *SLOW, "--set", "target=0.05:1.04:0.01", env=environment) as terminal:
        terminal.expect("now ")
        terminal.press(CTRL_C)
        terminal.expect(r"\(Enter\)\?")
        terminal.press(b"c\n")
        assert terminal.end() == 130
    session_id = terminal.search(r"/batches/(\S+)/")
    done = manage("watch_batch", session_id)
    assert (done.returncode, done.stderr) == (1, "error: The batch was cancelled.\n")


def test_the_notes_of_a_batch_are_printed_beside_its_events(manage):
    done = manage("run_batch", "sma_cross", "--symbols", "AAPL", "--set", "fast=5", "--fees", "0.1", "--json")
    assert done.returncode == 0
    assert "note: fees: 0.1 is 10.0% of the traded value on each side; 0.1% is 0.001." in done.stderr.splitlines()
    assert all(json.loads(line) for line in done.stdout.splitlines())


def test_a_batch_without_a_stack_is_judged_too(environment, manage):
    with PseudoTerminal(
        "run_batch", "sma_cross", "--symbols", "AAPL", "--set", "fast=5:50:5", env=environment
    ) as terminal:
        assert terminal.end() == 0
    words = " ".join(terminal.text.split())  # the lines of the terminal are short
    sentence = r"No better than holding AAPL: the best of 10 has a Sharpe ratio of 0\.\d\d, holding 0\.65; .*\."
    assert re.search(sentence, words), terminal.text
    session_id = terminal.search(r"export_results (\S+)")
    done = manage("export_results", session_id, "--out", "-", "--format", "json")
    assert json.loads(done.stdout)["verdict"]["state"] == "no_better_than_holding"


def test_an_unknown_symbol_is_one_sentence(manage):
    done = manage("run_batch", "sma_cross", "--symbols", "APPL")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: There are no prices for 'APPL'. Did you mean AAPL?"
    assert done.stdout == ""
