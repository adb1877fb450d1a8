"""Users' strategies that raise, loop, print or allocate: their tests fail, and nothing else."""

import logging
import signal
import subprocess
import sys

import numpy as np
import orjson
import pytest
from django.db import DataError, IntegrityError
from django.utils import timezone

from backtester.engine import STRATEGIES
from batches.live.reads import newer_events
from batches.models import ChunkStatus
from batches.results import failures
from batches.results.exports import csv_parts, json_parts, parquet_parts
from batches.results.failures import causes_of
from batches.results.query import ResultsQuery
from batches.running import attempts, recording, watchdog, worker
from batches.running.retrying import retry
from batches.sweep import foreign_code, user_strategies
from tests.support import jobs
from tests.support.user_strategy_files import (
    BASE,
    EXIT,
    FINE,
    INTERRUPT,
    LONG,
    LOOP,
    PRINT,
    STUBBORN,
    SURROGATE,
    UNREADABLE,
    WICKED,
)

RAISING = {
    SURROGATE: "wicked failed: ValueError: half a pair \N{REPLACEMENT CHARACTER}, \N{REPLACEMENT CHARACTER} and "
    "\N{REPLACEMENT CHARACTER}[31mred second line",
    LONG: f"wicked failed: ValueError: {'x' * 472}…",
    EXIT: "wicked failed: SystemExit: no more",
    INTERRUPT: "wicked failed: KeyboardInterrupt",
    UNREADABLE: "wicked failed: Unreadable: a text that cannot be read",
    BASE: "wicked failed: BaseException: the root of all errors",
}


def run(start, *kinds, **changes):
    body = start(strategy="wicked", symbols=["ACME"], parameterRanges={"kind": list(kinds)}, **changes)
    return jobs.finish(jobs.submit(body))


def finish(session):
    """Work like a worker, but not for ever."""
    for _ in range(20):
        if not worker.take_turns(session.pk):
            break
    return jobs.reread(session)


@pytest.fixture
def impatient(monkeypatch):
    """Limits of time in fractions of a second."""
    monkeypatch.setattr(attempts, "SHORTEST_LIMIT_S", 0.1)
    monkeypatch.setattr(attempts, "LIMIT_FACTOR", 0.0)
    monkeypatch.setattr(foreign_code, "TICK_S", 0.01)


@pytest.mark.django_db
def test_whatever_a_strategy_raises_fails_that_test_alone_with_a_readable_message(wicked, start, published, client):
    session = run(start, FINE, *RAISING)
    assert (session.status, session.successful, session.failed) == ("complete", 1, len(RAISING))
    assert {cause["message"] for cause in session.failures} == set(RAISING.values())
    assert published[-1]["type"] == "complete"
    assert all(len(orjson.dumps(event)) < 64_000 for event in published)
    url = f"/api/backtest/batch/{session.pk}"
    rows = client.get(f"{url}/results?sort=index").json()["results"]
    assert [row.get("error") for row in rows] == [None, *RAISING.values()]
    assert client.get(url).json()["type"] == "complete"
    query = ResultsQuery.parse(session, {"sort": "index"})
    assert all(b"".join(parts(session, query)) for parts in (csv_parts, json_parts, parquet_parts))
    assert client.get(f"/batches/{session.pk}/").status_code == 200
    refused = client.get(f"{url}/results/{EXIT}")
    assert (refused.status_code, refused.json()["error"]) == (422, RAISING[EXIT])
    again = retry(session, now=timezone.now())
    assert jobs.finish(again).failed == len(RAISING)
    assert list(newer_events({session.pk: 0, again.pk: 0}))


def test_a_chunk_keeps_a_limited_number_of_causes():
    errors = {f"reason {number}": np.array([number]) for number in range(600)}
    causes = causes_of(errors, 1_000)
    assert causes[0] == ("reason 0", [[1_000, 1_001]])
    assert causes[-1] == (failures.OTHER_CAUSES, [[1_500, 1_600]])
    assert len(causes) == failures.MOST_CAUSES + 1


@pytest.mark.django_db
def test_texts_of_a_declaration_are_readable_lines_too(wicked, client):
    strategy = STRATEGIES["wicked"]
    assert strategy.title == "Wicked \N{REPLACEMENT CHARACTER}"
    assert len(strategy.description) == 500
    assert (strategy.parameters[0].label, strategy.parameters[0].help[-2]) == (
        "Kind \N{REPLACEMENT CHARACTER}",
        "\N{REPLACEMENT CHARACTER}",
    )
    assert client.get("/api/strategies").status_code == 200


@pytest.mark.django_db
def test_a_test_that_loops_fails_alone_after_the_limit(wicked, start, impatient):
    session = run(start, FINE, LOOP, SURROGATE)
    messages = {cause["message"]: cause["count"] for cause in session.failures}
    assert messages == {"wicked failed: the test took longer than 0.1 s": 1, RAISING[SURROGATE]: 1}
    assert (session.status, session.successful) == ("complete", 1)


@pytest.mark.django_db
def test_a_test_that_catches_its_interruption_takes_the_chunk_along_after_every_attempt(wicked, start, impatient):
    session = run(start, STUBBORN)
    (cause,) = session.failures
    assert cause["message"] == "TimeLimitExceeded: these tests took longer than 0.4 s together (3 attempts)"
    assert (session.status, session.failed) == ("complete", 1)


@pytest.mark.django_db
def test_a_strategy_that_always_loops_ends_as_failed_tests(folder, start, impatient):
    (folder / "wicked.py").write_text(WICKED.replace("while kind == 7:", "while True:"), encoding="utf-8")
    user_strategies.load(folder)
    session = run(start, *range(20, 24))
    assert (session.status, session.failed) == ("complete", 4)


@pytest.mark.django_db
def test_tests_that_are_slow_together_fail_as_a_chunk(folder, start, impatient, settings):
    settings.CHUNK_TARGET_S = 0.3
    slow = WICKED.replace("while kind == 7:\n        pass", "import time; time.sleep(0.02)")
    (folder / "wicked.py").write_text(slow, encoding="utf-8")
    user_strategies.load(folder)
    session = run(start, *range(20, 60))
    assert session.status == "complete"
    (cause,) = session.failures
    assert cause["message"] == "TimeLimitExceeded: these tests took longer than 0.4 s together (3 attempts)"
    assert cause["count"] == 40


def test_code_that_never_returns_to_python_ends_its_process_and_not_the_worker():
    """As compiled code that loops."""
    program = (
        "import signal, time; from batches.sweep import foreign_code\n"
        "foreign_code.end_process_if_needed()\n"
        "with foreign_code.time_limit(-2.4):\n"  # the process ends 0.2 s later
        "    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}); time.sleep(60)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 1
    assert "Timeout" in ran.stderr


def test_a_limit_leaves_the_timer_and_the_handler_of_others_as_they_were():
    before = signal.getsignal(signal.SIGALRM)
    left_s = signal.getitimer(signal.ITIMER_REAL)[0]
    with foreign_code.time_limit(60.0):
        assert signal.getsignal(signal.SIGALRM) != before
    assert signal.getsignal(signal.SIGALRM) == before
    assert bool(signal.getitimer(signal.ITIMER_REAL)[0]) == bool(left_s)


@pytest.mark.django_db
def test_what_a_strategy_prints_is_cut_to_its_end_and_logged(wicked, start, monkeypatch, caplog, capfd):
    monkeypatch.setattr(attempts, "_next_output_at", 0.0)
    with caplog.at_level(logging.INFO):
        session = run(start, PRINT)
    assert session.successful == 1
    (line,) = [record.getMessage() for record in caplog.records if "printed" in record.getMessage()]
    assert line.endswith("the end of the output")
    assert len(line) < 4_500
    assert "yyy" not in capfd.readouterr().out


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [IntegrityError("CHECK constraint failed"), DataError("NUL"), RuntimeError("a bug")])
def test_an_error_of_recording_counts_and_ends_as_failed_tests(submitted, monkeypatch, error):
    add_slices, broken = recording.add_slices, submitted.chunks.first()

    def refuse(session, plan, slices):
        if any(part.start == broken.start and part.metrics is not None for part in slices):
            raise error
        add_slices(session, plan, slices)

    monkeypatch.setattr(recording, "add_slices", refuse)
    session = finish(submitted)
    assert session.status == "complete"
    assert f"{type(error).__name__}: {error} (3 attempts)" in {cause["message"] for cause in session.failures}
    broken.refresh_from_db()
    assert (broken.status, broken.attempt) == (ChunkStatus.FAILED, 3)


@pytest.mark.django_db(transaction=True)
def test_a_batch_whose_results_can_never_be_recorded_fails(submitted, monkeypatch):
    def refuse(*_):
        raise IntegrityError("CHECK constraint failed")

    monkeypatch.setattr(recording, "add_slices", refuse)
    session = finish(submitted)
    assert session.status == "error"
    assert "IntegrityError: CHECK constraint failed" in session.error


@pytest.mark.django_db(transaction=True)
def test_the_watchdog_ends_a_batch_whose_lost_chunk_cannot_be_recorded(submitted, monkeypatch):
    def refuse(*_):
        raise IntegrityError("CHECK constraint failed")

    submitted.chunks.update(status=ChunkStatus.RUNNING, attempt=3, claimed_by="gone:1", lease_until=timezone.now())
    monkeypatch.setattr(recording, "add_slices", refuse)
    watchdog.do_round(timezone.now())
    assert jobs.reread(submitted).status == "error"
