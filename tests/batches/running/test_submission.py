"""From a checked request to a stored and queued batch; what is refused leaves nothing."""

import threading
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from backtester.engine import ENGINE_VERSION, estimate_beta
from batches.errors import BatchError, Conflict, InvalidRequest, TooMany
from batches.models import BatchSession, Instrument, ResultChunk
from batches.running import lifecycle, submission
from batches.running.queue import WAKEN
from tests.support import jobs, market


def refused(body, error=InvalidRequest):
    """The refusal of a request, which left nothing behind."""
    with pytest.raises(error) as caught:
        jobs.submit(body)
    assert not BatchSession.objects.exists()
    assert not ResultChunk.objects.exists()
    return caught.value


def betas(session):
    return {fact["symbol"]: fact["beta"] for fact in session.instruments}


def test_a_batch_is_stored_with_its_plan_and_queued(start, queued):
    session = jobs.reread(jobs.submit(start()))
    assert (session.status, session.phase, session.sequence) == ("queued", "loading", 1)
    assert (session.total, session.current, session.sort_by) == (27, 0, "sharpe")
    assert session.work_total == 9 * (400 + 380 + 60)
    assert session.engine_version == ENGINE_VERSION
    assert session.deadline_at == session.created_at + timedelta(seconds=900)
    assert sum(chunk.stop - chunk.start for chunk in session.chunks.all()) == 27
    assert len(queued) == WAKEN


def test_the_batch_keeps_the_version_of_the_prices_that_it_was_started_with(start):
    session = jobs.submit(start(symbols=["ACME"]))
    Instrument.objects.filter(symbol="ACME").delete()
    assert jobs.finish(session).successful == 9


def test_unknown_symbols_are_named_with_near_names(start):
    error = refused(start(symbols=["ACMF", "BOLT", "ZZZZ"]))
    assert [detail.field for detail in error.details] == ["symbols", "symbols"]
    assert error.details[0].message == "There are no prices for 'ACMF'. Did you mean ACME?"
    assert error.details[1].message == "There are no prices for 'ZZZZ'."


def test_hundreds_of_unknown_symbols_are_not_all_sent_back(start):
    assert len(refused(start(symbols=[f"X{n}" for n in range(500)])).details) == 20


def test_dates_without_bars_are_refused_with_the_dates_that_there_are(start):
    error = refused(start(startDate="1999-01-01", endDate="1999-12-31"))
    assert error.details[0].field == "startDate"
    assert "it has 20" in error.message


def test_a_symbol_that_was_listed_too_late_for_the_dates_is_named(start):
    error = refused(start(startDate="2019-07-01", endDate="2019-12-31"))
    assert "CORE has no bars" in error.message


def test_only_the_bars_between_the_dates_are_tested_both_ends_included(start):
    dates = market.days("ACME")
    session = jobs.submit(start(symbols=["ACME"], startDate=str(dates[100]), endDate=str(dates[199])))
    assert session.work_total == 9 * 100
    assert jobs.finish(session).successful == 9


def test_a_grid_without_a_sensible_combination_is_refused(start):
    error = refused(start(parameterRanges={"fast": [50, 60], "slow": [10, 50]}))
    assert error.details[0].field == "parameterRanges.fast"
    assert "fast < slow" in error.message


def test_as_many_combinations_as_the_limit_are_taken_and_one_more_is_refused(start, settings):
    settings.BATCH_MAX_COMBINATIONS = 26
    error = refused(start(), BatchError)
    assert (error.status, error.code) == (422, "TOO_MANY_COMBINATIONS")
    assert "27 combinations" in error.message
    assert "BATCH_MAX_COMBINATIONS" in error.message
    settings.BATCH_MAX_COMBINATIONS = 27
    assert jobs.submit(start()).total == 27


def test_a_grid_too_large_to_lay_out_is_counted_and_refused(start):
    wide = {"start": 1, "stop": 5_000, "step": 1}
    error = refused(start(parameterRanges={"fast": wide, "slow": {"start": 2, "stop": 5_000, "step": 1}}), BatchError)
    assert "37,492,500 combinations" in error.message


def test_as_many_batches_run_as_the_limit_says_and_no_more(start, settings):
    settings.BATCH_MAX_RUNNING = 2
    first, second = jobs.submit(start()), jobs.submit(start())
    lifecycle.pause(second.pk, timezone.now())
    with pytest.raises(TooMany, match="BATCH_MAX_RUNNING") as caught:
        jobs.submit(start())
    assert caught.value.status == 429
    assert BatchSession.objects.count() == 2
    lifecycle.cancel(first.pk, timezone.now())
    jobs.submit(start())


def test_the_same_request_under_one_id_is_one_batch(start, queued):
    body = start(sessionId=str(uuid.uuid4()))
    first, second = jobs.submit(body), jobs.submit(body)
    assert first.pk == second.pk == uuid.UUID(body["sessionId"])
    assert BatchSession.objects.count() == 1
    assert len(queued) == WAKEN


def test_a_repeated_request_is_answered_also_when_no_other_would_be(start, settings):
    settings.BATCH_MAX_RUNNING = 1
    body = start(sessionId=str(uuid.uuid4()))
    assert jobs.submit(body).pk == jobs.submit(body).pk


def test_another_request_under_a_taken_id_is_a_conflict(start):
    chosen = str(uuid.uuid4())
    jobs.submit(start(sessionId=chosen))
    with pytest.raises(Conflict) as caught:
        jobs.submit(start(sessionId=chosen, fees=0.002))
    assert (caught.value.status, caught.value.code) == (409, "SESSION_ID_TAKEN")
    assert BatchSession.objects.count() == 1


def test_a_request_that_comes_second_in_a_race_gets_the_batch_of_the_first(start, monkeypatch):
    body = start(sessionId=str(uuid.uuid4()))
    first = jobs.submit(body)
    existing, answers = submission._existing, [None]
    monkeypatch.setattr(submission, "_existing", lambda *args: answers.pop() if answers else existing(*args))
    assert jobs.submit(body).pk == first.pk
    assert not answers
    assert ResultChunk.objects.count() == first.chunks.count()


@pytest.mark.django_db(transaction=True)
def test_the_same_request_through_several_doors_at_once_is_one_batch(start):
    body, barrier, found = start(sessionId=str(uuid.uuid4())), threading.Barrier(4), []

    def knock():
        try:
            barrier.wait(10)
            found.append(jobs.submit(body).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [uuid.UUID(body["sessionId"])] * 4
    assert sum(chunk.stop - chunk.start for chunk in ResultChunk.objects.all()) == 27


def test_a_deleted_batch_leaves_its_id_free_for_another_request(start):
    chosen = str(uuid.uuid4())
    first = jobs.finish(jobs.submit(start(sessionId=chosen)))
    lifecycle.delete(first.pk)
    other = start(sessionId=chosen, symbols=["BOLT"], parameterRanges={"fast": [4], "slow": [12, 30]})
    second = jobs.finish(jobs.submit(other))
    assert (second.status, second.current) == ("complete", 2)
    assert second.leaders[0]["symbol"] == "BOLT"


def test_beta_is_measured_over_the_tested_dates(start):
    dates = market.days("ACME")
    scaled = start(
        strategy="grid_dca",
        symbols=["ACME"],
        parameterRanges={"gridInterval": [0.02]},
        enableBetaScaling=True,
        startDate=str(dates[200]),
    )
    expected = estimate_beta(market.closes("ACME")[200:], market.closes("SP500")[200:])
    assert betas(jobs.submit(scaled))["ACME"] == pytest.approx(expected, rel=1e-12)
    whole = scaled | {"startDate": None}
    assert betas(jobs.submit(whole))["ACME"] != pytest.approx(expected, rel=1e-3)


def test_beta_is_measured_on_the_days_that_both_have(start):
    session = jobs.submit(start(symbols=["CORE"], enableBetaScaling=True))
    expected = estimate_beta(market.closes("CORE"), market.closes("SP500")[-60:])
    assert betas(session)["CORE"] == pytest.approx(expected, rel=1e-12)


def test_a_manual_beta_comes_before_the_measured_one(start):
    Instrument.objects.filter(symbol="ACME").update(manual_beta=2.5)
    session = jobs.submit(start(symbols=["ACME", "BOLT"], enableBetaScaling=True, coefficients=[1, 2]))
    assert betas(session)["ACME"] == 2.5
    assert np.isfinite(betas(session)["BOLT"])
    assert session.total == 36


def test_without_beta_scaling_no_beta_is_looked_up(start):
    Instrument.objects.filter(symbol="SP500").delete()
    assert betas(jobs.submit(start())) == {"ACME": None, "BOLT": None, "CORE": None}


def test_beta_scaling_without_a_beta_is_refused_and_says_what_to_do(start):
    Instrument.objects.filter(symbol="SP500").delete()
    Instrument.objects.filter(symbol="ACME").update(manual_beta=1.0)
    error = refused(start(enableBetaScaling=True))
    assert error.details[0].field == "enableBetaScaling"
    assert "BOLT, CORE have no beta against SP500" in error.message
    assert "manual beta" in error.message
