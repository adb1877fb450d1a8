"""Who waits for the results: the classic answer, and `Prefer`."""

import json
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from batches.live import hub
from batches.models import BatchSession
from batches.running import lifecycle
from tests.batches.api.asking import BATCH, error_of
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)


async def classic(body):
    return await AsyncClient().post(f"{BATCH}?async=false", json.dumps(body), content_type="application/json")


async def test_the_classic_answer_waits_for_the_results(start, worker, quick_polls):
    response = await classic(start())
    body = response.json()
    session = await BatchSession.objects.aget()
    assert response.status_code == 200
    assert set(body) == {"success", "sessionId", "executionTimeMs", "data"}
    assert (body["success"], body["sessionId"]) == (True, str(session.pk))
    assert body["executionTimeMs"] > 0
    assert body["data"] == session.results
    assert body["data"]["successfulRuns"] == 24


@pytest.mark.parametrize(("ending", "status", "code"), [("cancel", 409, "CANCELLED"), ("fail", 500, "INTERNAL_ERROR")])
async def test_the_classic_answer_of_a_batch_that_was_ended_is_an_error(start, quick_polls, ending, status, code):
    chosen = uuid.uuid4()
    session = await sync_to_async(jobs.submit)(start(sessionId=str(chosen)))
    reason = {"message": "The disk is full."} if ending == "fail" else {}
    await sync_to_async(getattr(lifecycle, ending))(session.pk, timezone.now(), **reason)
    error_of(await classic(start(sessionId=str(chosen))), status, code)


async def test_the_classic_answer_of_a_batch_past_its_deadline_is_a_timeout(start, quick_polls):
    chosen = str(uuid.uuid4())
    session = await sync_to_async(jobs.submit)(start(sessionId=chosen))
    await sync_to_async(lifecycle.expire)(session, session.deadline_at)
    body = error_of(await classic(start(sessionId=chosen)), 504, "TIMEOUT")
    assert body["error"] == "Operation timed out after 15 minutes."


async def preferring(body, prefer, query=""):
    headers = {"Prefer": prefer}
    return await AsyncClient().post(
        f"{BATCH}{query}", json.dumps(body), content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("prefer", ["wait=60", "respond-async, wait=60", 'handling=lenient; x="y" , WAIT = "60"'])
async def test_who_prefers_to_wait_gets_the_results_when_they_are_done_in_time(start, worker, quick_polls, prefer):
    response = await preferring(start(), prefer)
    assert response.status_code == 200
    assert response.json()["data"]["successfulRuns"] == 24
    assert "wait=60" in response["Preference-Applied"]


async def test_who_waited_long_enough_is_answered_as_at_once(start, quick_polls):
    response = await preferring(start(), "wait=1")  # nobody works
    assert (response.status_code, response["Preference-Applied"]) == (202, "wait=1")
    assert response["Location"]
    assert not hub.current_hub().watchers


async def test_who_prefers_not_to_wait_is_answered_at_once(start):
    response = await preferring(start(), "respond-async")
    assert (response.status_code, response["Preference-Applied"]) == (202, "respond-async")


async def test_what_is_said_in_the_address_goes_before_what_is_preferred(start, worker, quick_polls):
    response = await preferring(start(), "respond-async", "?async=false")
    assert response.status_code == 200
    assert "Preference-Applied" not in response
    assert (await preferring(start(), "wait=60", "?async=true")).status_code == 202


@pytest.mark.parametrize(
    "prefer", ["", "wait", "wait=", "wait=-1", "wait=soon", "wait=1e9", "x" * 5_000, "wait=9999999999"]
)
async def test_a_preference_that_is_not_understood_is_ignored(start, prefer):
    response = await preferring(start(), prefer)
    assert response.status_code == 202
    assert "Preference-Applied" not in response
