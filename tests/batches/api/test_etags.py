"""Polling without news."""

import pytest

from tests.batches.api.asking import BATCH, UNKNOWN, error_of, url
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("rest", ["", "/results?pageSize=2", "/heatmap", "/results/0"])
def test_who_has_the_newest_state_is_told_so_and_nothing_is_computed(client, halfway, rest, monkeypatch):
    first = client.get(url(halfway, rest))
    assert (first.status_code, first["Cache-Control"]) == (200, "private, no-cache")
    for name in ("results.page", "results.heatmap", "results.combination", "control.newest_event"):
        monkeypatch.setattr(f"batches.api.{name}", None)
    for known in (first["ETag"], f'"other", {first["ETag"]}', first["ETag"].removeprefix("W/"), "*"):  # compared weakly
        again = client.get(url(halfway, rest), headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])


def test_a_state_that_may_be_told_in_other_bytes_has_a_weak_tag(client, halfway):
    first, second = client.get(url(halfway)), client.get(url(halfway))
    assert first["ETag"] == second["ETag"]
    assert first["ETag"].startswith('W/"')
    of_the_clock = {"sentAtMs", "elapsedTime", "avgTimePerTest", "estimatedTimeRemaining"}
    assert {name for name, value in first.json().items() if second.json()[name] != value} <= of_the_clock
    refused = client.get(url(halfway), headers={"If-Match": first["ETag"]})  # a weak tag promises no bytes
    error_of(refused, 412, "PRECONDITION_FAILED")


@pytest.mark.parametrize("rest", ["", "/results", "/heatmap", "/results/0"])
def test_a_batch_that_moved_on_has_a_new_tag(client, halfway, rest):
    known = client.get(url(halfway, rest))["ETag"]
    jobs.work_some(halfway, 1)
    response = client.get(url(halfway, rest), headers={"If-None-Match": known})
    assert (response.status_code, response["ETag"] == known) == (200, False)


def test_each_page_and_each_batch_has_a_tag_of_its_own(client, halfway, finished):
    addresses = [url(halfway, "/results"), url(halfway, "/results?page=2"), url(finished, "/results"), url(halfway)]
    assert len({client.get(address)["ETag"] for address in addresses}) == 4


def test_an_unknown_batch_has_no_tag(client, db):
    response = client.get(f"{BATCH}/{UNKNOWN}", headers={"If-None-Match": "*"})
    error_of(response, 404)
    assert "ETag" not in response
