"""The list of batches."""

import pytest

from batches.running import lifecycle
from tests.support.page_reader import HTMX, text_of

pytestmark = pytest.mark.usefixtures("queued", "published")  # nothing is queued or announced: these tests look at pages


def test_the_list_says_how_far_each_batch_is(client, halfway):
    text = text_of(client.get("/batches/"))
    assert f"{halfway.current} of {halfway.total}" in text
    assert "SMA cross" in text
    assert "ACME, BOLT, CORE" in text


def test_the_list_asks_again_only_while_a_batch_is_active(client, halfway):
    assert 'hx-trigger="every' in client.get("/batches/", headers=HTMX).content.decode()
    lifecycle.cancel(halfway.id, halfway.created_at)
    assert 'hx-trigger="every' not in client.get("/batches/", headers=HTMX).content.decode()


@pytest.mark.parametrize(
    ("status", "listed"), [("", True), ("active", True), ("complete", False), ("failed", False), ("nonsense", True)]
)
def test_the_list_shows_the_batches_of_one_kind(client, halfway, status, listed):
    body = client.get(f"/batches/?status={status}").content.decode()
    assert (str(halfway.id) in body) is listed


def test_an_empty_list_leads_to_the_form(client, db):
    assert "Start the first one" in text_of(client.get("/batches/"))
