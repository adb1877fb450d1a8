"""One error shape, whatever is wrong and whoever refuses it."""

import json

import pytest
from django.test import Client

from batches.running import estimating
from tests.batches.api.asking import BATCH, ON_ONE_BATCH, UNKNOWN, error_of, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", f"{BATCH}/{UNKNOWN}/nothing", "/api/strategies/x", "/api//"])
def test_a_path_that_there_is_not_is_answered_in_the_one_shape(client, db, path):
    error_of(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", BATCH), ("get", BATCH), ("delete", "/api/strategies"), ("post", "/api/strategies"),
     ("get", f"{BATCH}/{UNKNOWN}/cancel"), ("post", f"{BATCH}/{UNKNOWN}/results"), ("put", f"{BATCH}/{UNKNOWN}")],
)  # fmt: skip
def test_a_method_that_there_is_not_is_answered_in_the_one_shape(client, db, method, path):
    response = getattr(client, method)(path)
    error_of(response, 405, "METHOD_NOT_ALLOWED")
    assert method.upper() not in response["Allow"]


def test_a_foreign_host_is_refused_in_the_one_shape(client, db):
    error_of(client.get("/api/strategies", headers={"Host": "evil.example"}), 400)


def test_a_fault_of_ours_is_told_without_its_inside(instruments, start, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(estimating, "estimate", broken)
    client = Client(raise_request_exception=False)
    response = client.post(f"{BATCH}/estimate", json.dumps(start()), content_type="application/json")
    error_of(response, 500)
    assert b"secret" not in response.content


def test_who_asks_for_json_is_refused_in_json_everywhere(client, db):
    body = error_of(client.get("/nothing/", headers={"Accept": "application/json"}), 404, "NOT_FOUND")
    assert body["error"] == "Not Found: GET /nothing/."
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*", "text/html, application/json"):
        assert client.get("/nothing/", headers={"Accept": accept})["Content-Type"].startswith("text/html")


def test_a_wrong_method_is_told_which_are_right(client, db):
    response = client.put("/api/strategies")
    assert "Allowed: GET, HEAD." in error_of(response, 405, "METHOD_NOT_ALLOWED")["error"]


GETS = [
    *(rest for method, rest in ON_ONE_BATCH if method == "get"),
    "/results?sort=nope",
    "/heatmap?x=nope",
    "/results/99999",
]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")  # as WSGI has it
@pytest.mark.parametrize("address", ["/api/strategies", "/api/instruments", "/api/nothing", *GETS])
def test_head_answers_as_get_does_without_the_body(client, finished, address):
    address = address if address.startswith("/api/") else url(finished, address)
    read, looked = client.get(address), client.head(address)
    assert (looked.status_code, looked["Content-Type"]) == (read.status_code, read["Content-Type"])
    assert looked.get("ETag") == read.get("ETag")
    assert b"".join(looked) == b""
