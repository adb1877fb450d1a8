"""One batch: how it stands, and what may be done with it."""

import pytest
from django.utils import timezone

from batches.models import BatchSession
from batches.running import lifecycle
from tests.batches.api.asking import BATCH, ON_ONE_BATCH, UNKNOWN, error_of, url
from tests.batches.sweep.test_progress import CONTRACT
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_polling_client_reads_the_newest_event(client, halfway):
    event = client.get(url(halfway)).json()
    assert set(event) == CONTRACT
    assert (event["type"], event["status"], event["current"]) == ("progress", "running", halfway.current)
    assert event["sequence"] == halfway.sequence


def test_a_polling_client_reads_the_terminal_event_as_often_as_it_asks(client, finished):
    for _ in range(2):
        event = client.get(url(finished)).json()
        assert event["type"] == "complete"
        assert (event["percentage"], event["estimatedTimeRemaining"]) == (100, 0)
        assert event["results"] == finished.results


def test_cancel_pause_and_resume_can_be_said_twice(post, halfway):
    def said(word):
        body = post(url(halfway, f"/{word}")).json()
        assert body["success"]
        return body["status"], body["changed"]

    assert [said("pause"), said("pause")] == [("paused", True), ("paused", False)]
    assert [said("resume"), said("resume")] == [("running", True), ("running", False)]
    assert [said("cancel"), said("cancel")] == [("cancelled", True), ("cancelled", False)]
    assert [said("pause"), said("resume")] == [("cancelled", False), ("cancelled", False)]


def test_a_retry_answers_like_a_start(post, halfway):
    error_of(post(url(halfway, "/retry")), 409, "STILL_ACTIVE")
    lifecycle.cancel(halfway.pk, timezone.now())
    response = post(url(halfway, "/retry"))
    session = BatchSession.objects.get(retry_of=halfway)
    assert response.status_code == 202
    assert response.json()["sessionId"] == str(session.pk)
    assert response.json()["retryOf"] == str(halfway.pk)
    assert response["Location"] == url(session)


def test_an_ended_batch_is_deleted_and_an_active_one_is_not(client, finished, start):
    active = jobs.submit(start())
    error_of(client.delete(url(active)), 409, "STILL_ACTIVE")
    assert client.delete(url(finished)).json() == {"success": True, "sessionId": str(finished.pk)}
    error_of(client.delete(url(finished)), 404, "NOT_FOUND")
    assert [session.pk for session in BatchSession.objects.all()] == [active.pk]


@pytest.mark.parametrize(("method", "rest"), ON_ONE_BATCH)
def test_an_unknown_batch_and_a_malformed_id_look_the_same(client, db, method, rest):
    bodies = [
        error_of(getattr(client, method)(f"{BATCH}/{name}{rest}"), 404, "NOT_FOUND")
        for name in (UNKNOWN, "nonsense", "1", "%00", "..", "' OR 1=1", "x" * 5_000, UNKNOWN + "0")
    ]
    assert all(body == bodies[0] for body in bodies)
