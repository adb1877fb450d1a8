"""The list of batches."""

import pytest

from batches.running import lifecycle
from batches.verdict import jobs as verdict_jobs
from tests.support import jobs
from tests.support.page_reader import HTMX, text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")  # nothing is queued or announced: these tests look at pages


def test_the_list_says_how_far_each_batch_is(client, halfway):
    text = text_of(client.get("/batches/"))
    assert f"{halfway.current} of {halfway.total}" in text
    assert "SMA cross" in text
    assert "ACME, BOLT, CORE" in text


def test_the_list_asks_again_only_while_a_batch_is_active_or_being_judged(client, halfway):
    assert 'hx-trigger="every' in client.get("/batches/", headers=HTMX).content.decode()
    lifecycle.cancel(halfway.id, halfway.created_at)
    assert 'hx-trigger="every' in client.get("/batches/", headers=HTMX).content.decode()
    verdict_jobs.cancel(halfway)
    assert 'hx-trigger="every' not in client.get("/batches/", headers=HTMX).content.decode()


@pytest.mark.parametrize(
    ("status", "listed"), [("", True), ("active", True), ("complete", False), ("failed", False), ("nonsense", True)]
)
def test_the_list_shows_the_batches_of_one_kind(client, halfway, status, listed):
    body = client.get(f"/batches/?status={status}").content.decode()
    assert (str(halfway.id) in body) is listed


def test_an_empty_list_leads_to_the_form(client, db):
    assert "Start the first one" in text_of(client.get("/batches/"))


def test_days_head_the_list_and_a_batch_without_a_result_is_not_green(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["CORE"], parameterRanges={"fast": [3], "slow": [70, 80]})))
    assert (session.status, session.successful) == ("complete", 0)
    body = client.get("/batches/").content.decode()
    assert "Complete, all failed" in body
    assert 'data-status="all-failed"' in body
    assert "Today" in body
    assert "Today" not in client.get("/batches/?sort=title").content.decode()


def test_title_tags_and_note_are_edited_together_or_not_at_all(client, finished):
    post = lambda **fields: client.post(url(finished, "notes"), fields, follow=True)  # noqa: E731
    post(title="Oil", tags="keep, oil , ", notes="good")
    session = jobs.reread(finished)
    assert (session.title, session.tag_names, session.notes) == ("Oil", ["keep", "oil"], "good")
    words = text_of(client.get("/batches/?tag=OIL"))
    assert "SMA cross · fast average 3/5/8 · slow average 10/20/70 · ACME, BOLT, CORE" in words
    assert "title must be one line of at most 120" in text_of(post(title="x" * 121, notes="bad"))
    assert jobs.reread(finished).notes == "good"


def test_a_wrong_filter_is_named_and_ignored(client, finished):
    words = text_of(client.get("/batches/?from=tomorrow"))
    assert "from must be a date as YYYY-MM-DD, got 'tomorrow'." in words
    assert "SMA cross" in words
