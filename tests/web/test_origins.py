"""Which pages may write."""

import pytest
from django.test import Client

from batches.models import BatchSession
from tests.batches.api.asking import BATCH, ON_ONE_BATCH, error_of, nothing_is_stored, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://testserver.evil.example", "https://", "", "x"]
)
@pytest.mark.parametrize(("method", "rest"), [(method, rest) for method, rest in ON_ONE_BATCH if method != "get"])
def test_pages_of_other_sites_cannot_write(client, finished, method, rest, origin):
    error_of(getattr(client, method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    error_of(getattr(Client(), method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    assert BatchSession.objects.count() == 1


def test_pages_of_other_sites_cannot_start_a_batch(post, start):
    error_of(post(BATCH, start(), Origin="http://evil.example"), 403, "FOREIGN_ORIGIN")
    assert nothing_is_stored()


def test_our_own_pages_and_listed_ones_can_write(post, start, settings):
    settings.CORS_ALLOWED_ORIGINS = ["http://friend.example"]
    for origin in ("http://testserver", "http://friend.example"):
        assert post(BATCH, start(), Origin=origin).status_code == 202


def test_answers_carry_the_policies(client, db):
    response = client.get("/api/strategies")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
