"""Cancel, pause and resume, at any moment and twice: one outcome, one terminal event. At 99.9 %: test_last_chunk."""

import time

import pytest

from tests.faults.histories import Watchers
from tests.faults.installation import check_same
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
TESTS = 32_000
SHARES = [pytest.param(0.0, marks=pytest.mark.extended), 0.5, pytest.param(0.95, marks=pytest.mark.extended)]


@pytest.mark.parametrize("share", SHARES)
def test_a_cancelled_batch_stops_within_a_second_and_keeps_what_is_finished(stack, measured, share):
    expected = stack.undisturbed()
    session_id = stack.start_without_end(pace_s=0.1)
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, int(share * TESTS))
    began = time.monotonic()
    answers = [stack.act(session_id, "cancel").json() for _ in range(2)]
    measured("two cancels are answered", time.monotonic() - began, 1)
    stopped_at = stack.tests_done(session_id)
    assert [answer["status"] for answer in answers] == ["cancelled", "cancelled"]
    assert [answer["changed"] for answer in answers] == [True, False]
    for history in watchers.wait():
        assert (history.last["type"], history.last["code"]) == ("error", "CANCELLED")
    time.sleep(0.3)  # a chunk that was in hand has ended by now
    assert stack.tests_done(session_id) == stopped_at, "nothing is counted after the end"
    kept = stack.results(session_id)
    assert len(kept) == stack.snapshot(session_id)["current"]
    check_same(kept, expected.set_index("index").loc[kept["index"]].reset_index())


@pytest.mark.parametrize("share", SHARES)
def test_a_paused_batch_rests_within_a_second_and_goes_on(stack, measured, share):
    expected = stack.undisturbed()
    session_id = stack.start_without_end(pace_s=0.1)
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, int(share * TESTS))
    began = time.monotonic()
    assert [stack.act(session_id, "pause").json()["changed"] for _ in range(2)] == [True, False]
    until(lambda: not stack.held(session_id), "the chunks in hand to end")
    measured("pause takes effect", time.monotonic() - began, 1)
    rested = stack.snapshot(session_id)
    time.sleep(1)
    assert stack.snapshot(session_id)["current"] == rested["current"] < TESTS
    assert [stack.act(session_id, "resume").json()["changed"] for _ in range(2)] == [True, False]
    stack.chunks()
    watchers.wait()
    stack.check_exact(session_id, expected)
