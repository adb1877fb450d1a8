"""Users' strategies that misbehave in real workers, beside a batch that does not."""

import pytest

from tests.faults.histories import Watchers
from tests.faults.installation import sweep
from tests.faults.stack_under_test import StackUnderTest
from tests.stack.clients import SHARES
from tests.support.user_strategy_files import (
    BASE,
    EXIT,
    FINE,
    GREEDY,
    INTERRUPT,
    LONG,
    LOOP,
    PRINT,
    STUBBORN,
    SURROGATE,
    UNREADABLE,
    WICKED,
)

pytestmark = [pytest.mark.stack, pytest.mark.extended, pytest.mark.timeout(600)]
RAISING = [SURROGATE, LONG, EXIT, INTERRUPT, UNREADABLE, BASE, GREEDY]


@pytest.fixture(scope="module")
def installation(tmp_path_factory, sample):
    """A stack with that strategy."""
    strategies = tmp_path_factory.mktemp("strategies")
    (strategies / "wicked.py").write_text(WICKED, encoding="utf-8")
    data_dir = tmp_path_factory.mktemp("foreign") / "data"
    # As by default, a lease is longer than what one claim's tests may take.
    limits = {"STRATEGIES_DIR": str(strategies), "WORKER_MAX_MEMORY": str(2 * 1024**3), "CHUNK_LEASE_S": "16"}
    running = StackUnderTest(data_dir, database=sample, **limits)
    try:
        yield running.start().wait_until_ready()
        assert running.end() == 0
    finally:
        if running.is_alive():
            running.end()


def wicked(*kinds, symbols=("KO",)):
    return {"strategy": "wicked", "symbols": list(symbols), "parameterRanges": {"kind": list(kinds)}}


def test_what_a_strategy_raises_fails_its_tests_and_costs_no_worker(installation):
    workers = set(installation.pool())
    session_id = installation.start_batch(wicked(FINE, *RAISING, symbols=("KO", "XOM")))
    for watch in Watchers(installation, [session_id]).wait():
        assert (watch.last["type"], watch.last["successfulTests"]) == ("complete", 2)
        assert watch.last["failedTests"] == 2 * len(RAISING)
    table = installation.results(session_id)
    assert table[table["error"].notna()].shape[0] == 2 * len(RAISING)
    assert any("Unable to allocate" in text for text in table["error"].dropna())
    assert set(installation.pool()) == workers


def test_an_endless_loop_fails_alone_and_its_batch_ends(installation):
    endless = installation.start_batch(wicked(FINE, LOOP, symbols=("KO", "XOM")))
    (watch, *_) = Watchers(installation, [endless]).wait()
    assert (watch.last["type"], watch.last["successfulTests"], watch.last["failedTests"]) == ("complete", 2, 2)
    assert watch.last["recentErrors"] == ["wicked failed: the test took longer than 5 s"]


def test_endless_loops_that_began_alone_leave_a_worker_for_another_batch(installation):
    """There are loops for minutes, so a slow machine has the time to run the other batch beside them."""
    endless = installation.start_batch(wicked(LOOP, FINE, symbols=SHARES))
    installation.in_hand(endless)
    good = {"symbols": ["AAPL", "GE"], "parameterRanges": {"fast": [2, 3, 5], "slow": [50, 60]}}
    beside = installation.start_batch(sweep() | good)
    while installation.snapshot(beside)["type"] == "progress":
        assert len(installation.held(endless)) <= 1
    assert installation.snapshot(beside)["type"] == "complete"
    assert installation.snapshot(endless)["status"] == "running"
    assert installation.act(endless, "cancel").status_code == 200


def test_code_that_cannot_be_interrupted_fails_after_its_attempts(installation):
    session_id = installation.start_batch(wicked(STUBBORN))
    installation.wait_for_end(session_id, seconds=240)
    last = installation.snapshot(session_id)
    assert (last["status"], last["failedTests"]) == ("complete", 1)


def test_what_strategies_print_does_not_fill_the_disk(installation):
    session_id = installation.start_batch(wicked(PRINT, symbols=("KO", "XOM", "GE", "AAPL")))
    installation.wait_for_end(session_id)
    log = installation.log("worker")
    assert "the end of the output" in log
    assert "y" * 5_000 not in log
