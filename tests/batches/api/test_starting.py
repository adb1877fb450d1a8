"""Starting a batch: the answer, what is refused, and what an estimate says."""

import uuid

import pytest
from django.urls import resolve

from batches.models import BatchSession
from tests.batches.api.asking import BATCH, error_of, nothing_is_stored

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_start_answers_202_with_the_addresses_to_watch(post, start):
    response = post(BATCH, start())
    body = response.json()
    session = BatchSession.objects.get()
    assert response.status_code == 202
    assert body == {
        "success": True,
        "sessionId": str(session.pk),
        "message": f"Batch processing started. Connect to {BATCH}/stream?sessionId={session.pk}",
        "total": 27,
        "streamUrl": f"{BATCH}/stream?sessionId={session.pk}",
        "websocketUrl": f"/ws/backtest/batch/{session.pk}/",
        "pageUrl": f"/batches/{session.pk}/",
    }
    assert response["Location"] == f"{BATCH}/{session.pk}"
    assert response["Retry-After"] == "1"
    assert resolve(body["pageUrl"]).view_name == "batches:detail"
    assert resolve(body["streamUrl"].partition("?")[0]).view_name == "stream"


def test_the_same_start_twice_is_one_batch_and_another_under_its_id_is_a_conflict(post, start):
    chosen = str(uuid.uuid4())
    first, second = post(BATCH, start(sessionId=chosen)), post(BATCH, start(sessionId=chosen))
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.json()["sessionId"] == chosen
    error_of(post(BATCH, start(sessionId=chosen, fees=0.1)), 409, "SESSION_ID_TAKEN")
    assert BatchSession.objects.count() == 1


def test_a_wrong_field_is_named_and_nothing_is_stored(post, start):
    body = error_of(post(BATCH, start(fees=2, symbols=["ACMF"])), 422, "INVALID_REQUEST")
    assert [detail["field"] for detail in body["details"]] == ["fees"]
    body = error_of(post(BATCH, start(symbols=["ACMF"])), 422, "INVALID_REQUEST")
    assert body["error"] == "There are no prices for 'ACMF'. Did you mean ACME?"
    assert nothing_is_stored()


def test_limits_are_refused_with_their_own_codes(post, start, settings):
    settings.BATCH_MAX_COMBINATIONS = 26
    error_of(post(BATCH, start()), 422, "TOO_MANY_COMBINATIONS")
    settings.BATCH_MAX_COMBINATIONS, settings.BATCH_MAX_RUNNING = 27, 0
    error_of(post(BATCH, start()), 429, "LIMIT_REACHED")
    assert nothing_is_stored()


def test_an_estimate_counts_and_stores_nothing(post, start):
    body = post(f"{BATCH}/estimate", start(parameterRanges={"fast": [5, 20], "slow": [10, 30]})).json()
    assert (body["success"], body["total"], body["excluded"]) == (True, 9, 3)
    assert body["estimatedSeconds"] > 0
    assert body["estimatedBytes"] > 0
    assert nothing_is_stored()


def test_async_is_true_or_false(post, start):
    error_of(post(f"{BATCH}?async=maybe", start()), 422, "INVALID_REQUEST")
    assert nothing_is_stored()
    assert post(f"{BATCH}?async=TRUE", start()).status_code == 202


@pytest.mark.parametrize(
    ("changes", "field", "meant"),
    [({"strategy": "sma_corss"}, "strategy", "sma_cross"), ({"sortBy": "sharp"}, "sortBy", "sharpe"),
     ({"direction": "lnog"}, "direction", "long"), ({"symbol": ["ACME"]}, "symbol", "symbols"),
     ({"parameterRanges": {"fasst": [1]}}, "parameterRanges.fasst", "fast"),
     ({"symbols": ["ACMY"]}, "symbols", "ACME")],
)  # fmt: skip
def test_a_misspelled_word_in_a_request_is_named_with_what_was_meant(post, start, changes, field, meant):
    body = error_of(post(BATCH, start(**changes)), 422, "INVALID_REQUEST")
    assert field in {detail["field"] for detail in body["details"]}
    assert f"Did you mean {meant}?" in body["error"].replace("'", "")
    assert nothing_is_stored()


def test_a_misspelled_parameter_of_a_start_is_refused_before_anything_is_stored(post, start):
    assert "Did you mean async?" in error_of(post(f"{BATCH}?asycn=false", start()), 422)["error"]
    error_of(post(f"{BATCH}?async=true&async=false", start()), 422)
    assert nothing_is_stored()
