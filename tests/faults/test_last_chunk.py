"""A batch at 99.9 %, of which only the last of a thousand chunks is missing, is cancelled and paused."""

import threading
import time

import pytest

from tests.conftest import LONG
from tests.faults.histories import Watchers
from tests.faults.installation import check_same, sweep
from tests.faults.stack_under_test import QUEUE, StackUnderTest
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
TESTS, SHARE = 32_000, 0.999
ROUNDS = 5 if LONG else 2


@pytest.fixture(scope="module")
def stack(tmp_path_factory, sample):
    """It cuts a batch finely, and is patient with who holds a chunk."""
    data_dir = tmp_path_factory.mktemp("fine") / "data"
    running = StackUnderTest(data_dir, database=sample, CHUNK_TARGET_S="0.0001", CHUNK_LEASE_S="30")
    try:
        yield running.start().wait_until_ready()
    finally:
        running.end()


@pytest.fixture
def last(stack):
    """The first index of the last chunk; the same request is always cut in the same way."""
    stack.undisturbed()
    ((position, start),) = stack.rows("SELECT position, start FROM batches_resultchunk ORDER BY position DESC LIMIT 1")
    assert position >= 1_000
    assert start >= SHARE * TESTS
    return start


def all_but(last, stack, **fault):
    """(id, watchers) of a batch of which the last chunk alone is missing."""
    stack.chunks(**fault)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    assert stack.wait_for(session_id, last) == last
    return session_id, watchers


def in_hand(last, stack):
    """The same, and a worker holds it."""
    session_id, watchers = all_but(last, stack, held=last)
    stack.in_hand(session_id)
    return session_id, watchers


def twice(stack, session_id, action):
    """What the two answers say of a change."""
    return [stack.act(session_id, action).json()["changed"] for _ in range(2)]


def until_idle(stack):
    """No worker has a message in hand any more: whoever held a chunk has had its say."""
    queue = stack.redis()
    until(lambda: not queue.hlen("backtester:unacked") and not queue.llen(QUEUE), "the workers to rest")


def test_a_batch_is_cancelled_while_its_last_chunk_is_in_hand_which_then_comes_too_late(stack, last, measured):
    session_id, watchers = in_hand(last, stack)
    began = time.monotonic()
    assert twice(stack, session_id, "cancel") == [True, False]
    measured("two cancels at 99.9 % are answered", time.monotonic() - began, 1)
    for history in watchers.wait():
        assert (history.last["code"], history.last["percentage"]) == ("CANCELLED", 100 * last / TESTS)
    stack.chunks()
    until_idle(stack)
    assert stack.snapshot(session_id)["status"] == "cancelled"
    kept = stack.results(session_id)
    assert list(kept["index"]) == list(range(last))
    check_same(kept, stack.undisturbed().iloc[:last])
    stack.check_logs()


@pytest.mark.extended
def test_a_batch_is_paused_before_its_last_chunk_is_claimed_and_resumed_to_its_end(stack, last, measured):
    session_id, watchers = all_but(last, stack, withheld=last)
    began = time.monotonic()
    assert twice(stack, session_id, "pause") == [True, False]
    measured("two pauses at 99.9 % are answered", time.monotonic() - began, 1)
    stack.chunks()
    stack.wait_for_end(stack.start_batch(sweep() | {"symbols": ["KO"]}))  # the workers have looked for something to do
    rested = stack.snapshot(session_id)
    assert (rested["status"], rested["current"], rested["percentage"]) == ("paused", last, 100 * last / TESTS)
    assert twice(stack, session_id, "resume") == [True, False]
    watchers.wait()
    stack.check_exact(session_id, stack.undisturbed())
    stack.check_logs()


@pytest.mark.extended
def test_a_pause_while_the_last_chunk_is_in_hand_lets_it_end_and_the_batch_with_it(stack, last):
    session_id, watchers = in_hand(last, stack)
    assert twice(stack, session_id, "pause") == [True, False]
    assert stack.snapshot(session_id)["status"] == "paused"
    stack.chunks()
    watchers.wait()
    assert twice(stack, session_id, "resume") == [False, False]
    stack.check_exact(session_id, stack.undisturbed())
    stack.check_logs()


@pytest.mark.parametrize("action", ["cancel", "pause"])
def test_against_the_last_chunk_there_is_one_outcome(stack, last, action):
    for _ in range(ROUNDS):
        session_id, watchers = in_hand(last, stack)
        rivals = [threading.Thread(target=stack.act, args=(session_id, action)) for _ in range(3)]
        for rival in rivals:
            rival.start()
        stack.chunks()
        for rival in rivals:
            rival.join()
        ends = {history.last["status"] for history in watchers.wait()}
        assert ends in ([{"complete"}] if action == "pause" else [{"complete"}, {"cancelled"}])
        assert stack.snapshot(session_id)["status"] in ends
        until_idle(stack)
    stack.check_logs()
