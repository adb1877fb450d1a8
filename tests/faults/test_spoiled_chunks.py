"""Tests that raise, crash their process, or want more memory than there is."""

import pytest

from tests.faults.histories import Watchers
from tests.faults.installation import check_same, sweep

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
INJECTED = ("injected", "MemoryError", "WorkerLostError", "ExceptionWithTraceback")


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        pytest.param("exception", "ArithmeticError: injected (3 attempts)", marks=pytest.mark.extended),
        ("segfault", "No worker survived this part of the batch (3 attempts)."),
        pytest.param("out_of_memory", "MemoryError (3 attempts)", marks=pytest.mark.extended),
    ],
)
def test_the_tests_of_a_spoiled_symbol_fail_and_the_batch_completes(stack, mishap, words):
    request = sweep() | {"symbols": ["AAPL", "KO", "XOM"], "parameterRanges": {"fast": [2, 3, 5], "slow": [50, 60]}}
    expected = stack.undisturbed(request)
    stack.chunks(mishap=mishap, symbol="KO")
    session_id = stack.start_batch(request)
    (watch, *_) = Watchers(stack, [session_id]).wait()
    assert watch.last["type"] == "complete"
    stack.check_counters(session_id, 18)
    assert (watch.last["successfulTests"], watch.last["failedTests"]) == (12, 6)
    assert watch.last["recentErrors"] == [words]
    found = stack.results(session_id)
    assert list(found["error"][found["symbol"] == "KO"]) == [words] * 6
    others = found["symbol"] != "KO"
    check_same(found[others], expected[others])
    stack.chunks()
    retried = stack.act(session_id, "retry").json()["sessionId"]
    Watchers(stack, [retried]).wait()
    stack.check_exact(retried, expected)
    stack.check_logs(*INJECTED)


def test_when_everything_fails_the_batch_still_completes(stack):
    stack.chunks(mishap="exception", symbol="*")
    session_id = stack.start_batch()
    (watch, *_) = Watchers(stack, [session_id]).wait()
    assert (watch.last["type"], watch.last["failedTests"]) == ("complete", 32_000)
    stack.check_counters(session_id, 32_000)
    assert watch.last["results"]["errors"][0]["count"] == 32_000


def test_a_batch_with_an_abort_rule_ends_when_too_much_fails(stack):
    stack.chunks(mishap="exception", symbol="*")
    session_id = stack.start_batch(sweep(abortFailureShare=0.5, abortMinimumTests=1000))
    (watch, *_) = Watchers(stack, [session_id]).wait()
    assert (watch.last["type"], watch.last["code"]) == ("error", "INTERNAL_ERROR")
    assert "abortFailureShare" in watch.last["error"]
    assert "ArithmeticError: injected" in watch.last["error"]
    assert 1000 <= watch.last["current"] < 32_000
    stack.check_logs(*INJECTED)
