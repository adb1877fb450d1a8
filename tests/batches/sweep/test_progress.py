"""From a row and a clock to an event. Nothing here touches the database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches.models import BatchSession, Status
from batches.sweep import progress

START = datetime(2022, 12, 28, 12, tzinfo=UTC)
CONTRACT = {
    "type", "sessionId", "sequence", "sentAtMs", "status", "phase", "current", "total", "percentage", "currentSymbol",
    "currentBeta", "currentCoefficient", "currentParameters", "elapsedTime", "estimatedTimeRemaining",
    "avgTimePerTest", "successfulTests", "failedTests", "recentErrors", "bestSoFar", "luck", "leaders",
    "lastWorkerSeenAtMs",
}  # fmt: skip


def after(seconds):
    return START + timedelta(seconds=seconds)


def session(**changes):
    values = {
        "status": Status.RUNNING,
        "total": 100,
        "work_total": 1_000.0,
        "created_at": START,
        "started_at": START,
        "timeout_s": 900,
    }
    return BatchSession(**values | changes)


@given(total=st.integers(1, 10**6), done=st.integers(0, 10**6))
def test_the_percentage_is_100_only_when_all_are_done(total, done):
    done = min(done, total)
    shown = progress.percentage(session(total=total, successful=done))
    assert 0 <= shown <= 100
    assert (shown == 100) is (done == total)
    assert shown <= 100 * done / total
    assert shown == pytest.approx(100 * done / total, abs=1e-9)


@given(total=st.integers(1, 10**6), first=st.integers(0, 10**6), second=st.integers(0, 10**6))
def test_the_percentage_never_falls(total, first, second):
    few, many = sorted((min(first, total), min(second, total)))
    assert progress.percentage(session(total=total, successful=few)) <= progress.percentage(
        session(total=total, failed=many)
    )


@pytest.mark.parametrize("pace", [[], [[1.0, 100.0]], [[1.0, 100.0], [1.0, 200.0]], [[1.0, 100.0], [2.0, 100.0]]])
def test_there_is_no_estimate_before_there_is_a_pace(pace):
    assert progress.remaining_seconds(session(pace=pace), after(5)) is None


def test_the_estimate_is_the_work_left_over_the_pace():
    running = session(pace=[[0.0, 0.0], [10.0, 200.0]])
    assert progress.remaining_seconds(running, after(10)) == pytest.approx(40)
    assert progress.remaining_seconds(running, after(13)) == pytest.approx(37)


def test_the_estimate_ignores_work_that_was_carried_over():
    retried = session(carried_tests=50, carried_work=500.0, pace=[[0.0, 500.0], [10.0, 600.0]])
    assert progress.remaining_seconds(retried, after(10)) == pytest.approx(40)


def test_the_estimate_stands_still_during_a_pause():
    paused = session(status=Status.PAUSED, paused_at=after(10), pace=[[0.0, 0.0], [10.0, 200.0]])
    assert progress.remaining_seconds(paused, after(3_000)) == pytest.approx(40)
    resumed = session(paused_s=2_990.0, pace=[[0.0, 0.0], [10.0, 200.0]])
    assert progress.remaining_seconds(resumed, after(3_000)) == pytest.approx(40)


@given(
    pace=st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 1_000)), max_size=5),
    clock=st.floats(-1e6, 1e6),
    paused_s=st.floats(0, 1e6),
)
def test_whatever_the_clock_does_no_duration_is_negative(pace, clock, paused_s):
    running = session(pace=[list(sample) for sample in pace], paused_s=paused_s, successful=3)
    now = after(clock)
    assert progress.active_seconds(running, now) >= 0
    assert progress.elapsed_seconds(running, now) >= 0
    assert progress.average_seconds(running, now) >= 0
    estimate = progress.remaining_seconds(running, now)
    assert estimate is None or 0 <= estimate < float("inf")


@pytest.mark.parametrize(
    ("status", "expected"), [(Status.COMPLETE, 0.0), (Status.ERROR, None), (Status.CANCELLED, None)]
)
def test_an_ended_batch_has_nothing_left_or_nothing_to_estimate(status, expected):
    assert progress.remaining_seconds(session(status=status, pace=[[0, 0], [1, 1]]), after(5)) == expected


@given(st.lists(st.floats(0, 500), min_size=1, max_size=300))
def test_the_pace_keeps_about_a_minute_and_not_more_than_a_sample_a_second(instants):
    pace = []
    for work, seconds in enumerate(sorted(instants)):
        pace = progress.with_sample(pace, seconds, float(work))
    assert pace[-1] == [max(instants), float(len(instants) - 1)]
    assert len(pace) <= progress.PACE_WINDOW_S / progress.PACE_STEP_S + 2
    assert all(pace[-1][0] - seconds <= progress.PACE_WINDOW_S for seconds, _ in pace[:-1]) or len(pace) == 2


def test_a_pace_survives_a_silence_longer_than_its_window():
    pace = progress.with_sample([[0.0, 0.0], [1.0, 10.0]], 500.0, 20.0)
    assert pace == [[1.0, 10.0], [500.0, 20.0]]


def test_the_average_counts_only_tests_of_this_run():
    assert progress.average_seconds(session(), after(10)) is None
    assert progress.average_seconds(session(successful=4, failed=1), after(10)) == pytest.approx(2)
    retried = session(successful=50, carried_tests=45)
    assert progress.average_seconds(retried, after(10)) == pytest.approx(2)
    assert progress.average_seconds(session(successful=45, carried_tests=45), after(10)) is None


def test_elapsed_time_counts_the_waiting_and_leaves_out_the_pauses():
    waiting = session(status=Status.QUEUED, started_at=None)
    assert progress.elapsed_seconds(waiting, after(7)) == 7
    assert progress.active_seconds(waiting, after(7)) == 0
    assert progress.elapsed_seconds(session(paused_s=4.0), after(10)) == 6
    assert progress.elapsed_seconds(session(status=Status.COMPLETE, ended_at=after(9)), after(500)) == 9


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (2, "2 seconds"), (59, "59 seconds"), (60, "1 minute"), (90, "90 seconds"), (900, "15 minutes"),
     (3600, "60 minutes"), (3601, "3601 seconds")],
)  # fmt: skip
def test_the_timeout_in_words(seconds, words):
    assert progress.timeout_words(seconds) == words


def test_a_snapshot_has_exactly_the_fields_of_the_contract():
    for status in Status:
        assert set(progress.snapshot(session(status=status), START)) == CONTRACT


def test_a_terminal_event_carries_its_results_or_its_error():
    results: Any = {"results": []}
    complete = progress.newest_event(session(status=Status.COMPLETE, results=results), START)
    assert complete["type"] == "complete"
    assert complete["results"] is results
    for status in (Status.ERROR, Status.CANCELLED):
        ended = progress.newest_event(session(status=status, error="It ended.", error_code="TIMEOUT"), START)
        assert (ended["type"], ended["error"], ended["code"]) == ("error", "It ended.", "TIMEOUT")
    for status in (Status.QUEUED, Status.RUNNING, Status.PAUSED):
        assert set(progress.newest_event(session(status=status), START)) == CONTRACT


@pytest.mark.parametrize("status", Status)
def test_connected_comes_before_the_event_that_follows_it(status):
    ended = session(status=status, sequence=7)
    connected = progress.connected_event(ended, START)
    assert connected["type"] == "connected"
    assert connected["sequence"] == (6 if status.is_terminal else 7)
    assert "results" not in connected


def test_what_the_snapshot_says_comes_from_the_row():
    best = {"index": 3, "symbol": "ACME", "sharpe": 1.5}
    running = session(
        sequence=9,
        successful=40,
        failed=2,
        leaders=[best],
        last_test={"symbol": "ACME", "beta": 1.1, "coefficient": 0.5, "parameters": {"fast": 5}},
        failures=[{"message": f"reason {n}", "count": n, "example": {}} for n in range(9)],
        worker_seen_at=after(3),
    )
    event = progress.snapshot(running, after(4))
    assert (event["current"], event["percentage"]) == (42, 42.0)
    assert (event["successfulTests"], event["failedTests"]) == (40, 2)
    assert (event["currentSymbol"], event["currentBeta"], event["currentCoefficient"]) == ("ACME", 1.1, 0.5)
    assert event["currentParameters"] == {"fast": 5}
    assert event["recentErrors"] == [f"reason {n}" for n in range(4, 9)]
    assert (event["bestSoFar"], event["leaders"]) == (best, [best])
    assert event["sentAtMs"] - event["lastWorkerSeenAtMs"] == 1_000
