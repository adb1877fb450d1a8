"""The list of batches, and their titles and tags."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from batches.models import BatchSession
from batches.running import lifecycle, retrying
from tests.batches.api.asking import BATCH, UNKNOWN, error_of, nothing_is_stored, url
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)
DEFAULT = "SMA cross, fast average 3/5/8, slow average 10/20/70, ACME, BOLT, CORE"


@pytest.fixture
def patch(client):
    def send(session, body):
        import json

        return client.patch(url(session), json.dumps(body), content_type="application/json")

    return send


@pytest.fixture
def listed(client):
    """listed(query): the answer of the list; the ids alone with `ids=True`."""

    def get(query="", *, ids=True):
        response = client.get(f"/api/batches?{query}")
        assert response.status_code == 200, response.content
        body = response.json()
        return [entry["sessionId"] for entry in body["batches"]] if ids else body

    return get


def started_on(session, day):
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    BatchSession.objects.filter(pk=session.pk).update(created_at=moment)
    session.words.created_at = moment
    session.words.save()


def test_a_request_names_its_batch_and_the_list_shows_it(post, listed, start):
    body = start(title="  Crosses, long ", tags=["keep", " Ideas", "KEEP"])
    session_id = post(BATCH, body).json()["sessionId"]
    [entry] = listed(ids=False)["batches"]
    assert (entry["sessionId"], entry["title"], entry["tags"]) == (session_id, "Crosses, long", ["keep", "Ideas"])


def test_without_a_title_strategy_ranges_and_symbols_are_the_title(post, listed, start):
    post(BATCH, start())
    post(BATCH, start(title=None, tags=None))
    assert [entry["title"] for entry in listed(ids=False)["batches"]] == [DEFAULT, DEFAULT]


def test_the_same_request_twice_is_one_batch_also_after_a_new_title(post, patch, start):
    body = start(sessionId=UNKNOWN, title="First")
    assert post(BATCH, body).status_code == 202
    patch(BatchSession.objects.get(), {"title": "Second"})
    assert post(BATCH, body).status_code == 202
    error_of(post(BATCH, body | {"title": "Third"}), 409, "SESSION_ID_TAKEN")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 5),
        ("title", "x" * 121),
        ("title", "two\nlines"),
        ("title", "nul\0"),
        ("tags", "keep"),
        ("tags", [""]),
        ("tags", ["a,b"]),
        ("tags", ["x" * 31]),
        ("tags", [1]),
        ("tags", [f"t{n}" for n in range(11)]),
        ("tags", {"keep": True}),
    ],
)
def test_a_bad_title_or_tag_is_refused_by_name(post, patch, start, field, value):
    refusal = error_of(post(BATCH, start(**{field: value})), 422)
    assert [detail["field"] for detail in refusal["details"]] == [field]
    assert nothing_is_stored()
    session = jobs.submit(start(title="Kept", tags=["kept"]))
    refusal = error_of(patch(session, {"title": "New", "tags": ["new"], field: value}), 422)
    assert [detail["field"] for detail in refusal["details"]] == [field]
    session = BatchSession.objects.get()
    assert (session.title, session.tag_names) == ("Kept", ["kept"])


def test_a_patch_changes_what_it_names_and_the_search_follows(patch, listed, finished):
    assert patch(finished, {"title": "Wide sweep"}).json() == {
        "success": True,
        "sessionId": str(finished.pk),
        "title": "Wide sweep",
        "tags": [],
    }
    assert patch(finished, {"tags": ["Keep", "dca"]}).json()["title"] == "Wide sweep"
    assert listed("search=wide dca") == [str(finished.pk)]
    assert listed("tag=keep") == [str(finished.pk)]
    assert listed("tag=kee") == []
    assert patch(finished, {"title": "", "tags": None}).json()["title"] == DEFAULT
    assert (listed("search=wide"), listed("tag=keep")) == ([], [])


def test_a_patch_without_sense_is_refused(patch, client, finished):
    assert error_of(patch(finished, {"titel": "x"}), 422)["details"][0]["field"] == "titel"
    assert error_of(patch(finished, {}), 422)["details"][0]["field"] == "title"
    error_of(patch(finished, ["title"]), 422)
    error_of(client.patch(f"{BATCH}/{UNKNOWN}", "{}", content_type="application/json"), 404, "NOT_FOUND")
    error_of(client.patch(url(finished), "title=x", content_type="text/plain"), 415)


def test_days_bound_the_list_and_a_search_knows_them(listed, start):
    old, new = jobs.submit(start()), jobs.submit(start())
    started_on(old, "2026-03-31T23:59:59")
    started_on(new, "2026-04-01T00:00:00")
    assert listed("to=2026-03-31") == [str(old.pk)]
    assert listed("from=2026-04-01") == [str(new.pk)]
    assert listed("from=2026-03-31&to=2026-04-01") == [str(new.pk), str(old.pk)]
    assert listed("to=9999-12-31&from=0001-01-01") == [str(new.pk), str(old.pk)]
    assert listed("search=2026-03-31") == [str(old.pk)]
    assert listed("search=acme 2026-04") == [str(new.pk)]
    started_on(old, (timezone.now() - timedelta(days=1)).date().isoformat())
    assert listed("search=yesterday") == [str(old.pk)]


def test_the_status_filters_and_names_stand_for_groups(listed, finished, start):
    waiting, cancelled = jobs.submit(start()), jobs.submit(start())
    lifecycle.cancel(cancelled.pk, timezone.now())
    assert listed("status=complete") == [str(finished.pk)]
    assert listed("status=active") == listed("status=queued") == [str(waiting.pk)]
    assert listed("status=cancelled") == [str(cancelled.pk)]
    assert listed("status=failed") == []


def test_the_list_sorts_by_name_size_and_time(listed, start):
    small = jobs.submit(start(title="beta", symbols=["ACME"]))
    large = jobs.submit(start(title="Alpha"))
    assert listed() == listed("sort=-createdAt") == [str(large.pk), str(small.pk)]
    assert listed("search=&tag=&from=&to=&status=&sort=&page=") == listed()
    assert listed("sort=createdAt") == [str(small.pk), str(large.pk)]
    assert listed("sort=title") == listed("sort=-total") == [str(large.pk), str(small.pk)]
    assert listed("search=acme&sort=total") == [str(small.pk), str(large.pk)]


def test_a_page_holds_25_and_a_page_past_the_last_is_empty(listed, start):
    sessions = [jobs.submit(start(symbols=["ACME"])) for _ in range(27)]
    body = listed("page=2", ids=False)
    assert (body["total"], body["pages"], body["pageSize"]) == (27, 2, 25)
    assert [entry["sessionId"] for entry in body["batches"]] == [str(sessions[1].pk), str(sessions[0].pk)]
    assert listed("page=2&search=acme") == [str(sessions[1].pk), str(sessions[0].pk)]
    assert listed("page=3") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("search=" + "x" * 201, "search"),
        ("search=%00", "search"),
        ("tag=" + "x" * 31, "tag"),
        ("from=29.11.2026", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-02-02&to=2026-02-01", "from"),
        ("status=done", "status"),
        ("sort=colour", "sort"),
        ("sort=-", "sort"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("pageSize=5", "pageSize"),
        ("page=1&page=2", "page"),
    ],
)
def test_a_bad_query_names_its_field(client, db, query, field):
    refusal = error_of(client.get(f"/api/batches?{query}"), 422)
    assert [detail["field"] for detail in refusal["details"]] == [field]


def test_a_retry_keeps_title_and_tags(start):
    session = jobs.submit(start(title="Mine", tags=["keep"]))
    lifecycle.cancel(session.pk, timezone.now())
    again = retrying.retry(jobs.reread(session), now=timezone.now())
    assert (again.title, again.tag_names) == ("Mine", ["keep"])
