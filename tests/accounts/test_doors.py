"""Two users and every route: a foreign batch looks like an unknown one, and every route needs a login.

The routes are read from the URL resolver; a new one that does not fit a pattern here fails the test.
"""

import itertools
import re
import uuid

import pytest
from django.contrib.auth.models import Group
from django.urls import URLPattern, URLResolver, get_resolver

from batches.models import BatchSession
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
OF_A_BATCH = re.compile(r"<(\w+:)?session_id>")
METHODS = ("get", "post", "put", "patch", "delete")
# Routes without a batch: open to every user, or covered by other tests.
WITHOUT_A_BATCH = re.compile(
    r"(admin/|account/|count/|batches/|prices/|instruments/|presets/|symbols/|api/|metrics|healthz|readyz|favicon\.ico"
    r"|log(in|out)/|$)"
)


def routes(patterns=None, prefix=""):
    """Every route as the resolver spells it."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def path_of(route, session_id):
    """Return an address of the route for one batch."""
    path = OF_A_BATCH.sub(str(session_id), route)
    path = re.sub(r"<(?:\w+:)?action>", "cancel", path)
    path = re.sub(r"<(?:int:)?\w+>", "0", path)
    return "/" + re.sub(r"[\^$]", "", path)


def routes_of_a_batch():
    return sorted({route for route in routes() if OF_A_BATCH.search(route)})


def send(client, method, route, session_id):
    """Send a request as one of the pages would."""
    return getattr(client, method)(path_of(route, session_id), headers={"Origin": "http://testserver"})


def disclosed(response, session_id):
    """Return what the response discloses, without the id itself and that of the request."""
    body = b"".join(response) if response.streaming else response.content
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", body.decode())
    text = text.replace(response["X-Request-ID"], "REQUEST").replace(str(session_id), "ID")
    return response.status_code, response.get("Content-Type"), text


@pytest.fixture
def anns(people, start):
    """A finished batch of Ann."""
    return jobs.finish(jobs.submit(start(), owner=people["ann"]))


def test_there_are_routes_of_a_batch():
    assert len(routes_of_a_batch()) >= 14


def test_every_route_without_a_batch_is_a_known_one():
    others = {route for route in routes() if not OF_A_BATCH.search(route)}
    assert [route for route in sorted(others) if not WITHOUT_A_BATCH.match(route)] == []


def test_a_link_to_the_symbols_of_a_foreign_batch_opens_the_form_without_them(anns, as_user):
    for name, symbols in (("ann", anns.request["symbols"]), ("bob", [])):
        form = as_user(name).get(f"/?symbols=&symbolsOf={anns.pk}").content.decode()
        assert re.findall(r'name="symbols" value="(\w+)" checked', form) == symbols


def test_a_foreign_batch_looks_like_an_unknown_one(anns, as_user, with_token):
    for bob, method, route in itertools.product((as_user("bob"), with_token("bob")), METHODS, routes_of_a_batch()):
        foreign, unknown = (
            disclosed(send(bob, method, route, session_id), session_id) for session_id in (anns.pk, UNKNOWN)
        )
        assert foreign == unknown, (method, route)
        assert foreign[0] in {302, 401, 404, 405}, (method, route)
    assert BatchSession.objects.get().sequence == anns.sequence


@pytest.mark.parametrize("name", ["ann", "olga"])
def test_the_owner_and_an_operator_have_access(name, anns, as_user):
    browser = as_user(name)
    for route in routes_of_a_batch():
        statuses = {send(browser, method, route, anns.pk).status_code for method in ("get", "post")}
        assert statuses <= {200, 202, 204, 302, 405, 409, 415, 422}, (route, statuses)
        assert statuses != {405}


def test_nobody_gets_in_without_an_account(anns, as_user, with_token, people):
    revoked = with_token("ann")
    people["ann"].tokens.all().delete()
    for stranger, method, route in itertools.product((as_user(""), revoked), METHODS, sorted(set(routes()))):
        answer, request = send(stranger, method, route, anns.pk), (method, route)
        if route in {"healthz", "readyz", "login/"}:
            assert answer.status_code in {200, 405, 503}, request
        elif route.startswith(("api/", "metrics")) and route != "api/docs":
            assert answer.status_code == 401, request
            assert answer["WWW-Authenticate"].startswith("Bearer"), request
            assert answer.json()["code"] == "UNAUTHORIZED", request
        else:
            assert answer.status_code in {302, 403}, request  # 403: a form without its CSRF token
            assert answer.status_code == 403 or answer["Location"].startswith("/login/?next="), request
    assert BatchSession.objects.get().sequence == anns.sequence


def test_the_lists_show_a_users_own_batches(anns, as_user):
    for name, sees in (("ann", True), ("bob", False), ("eve", False), ("olga", True)):
        for path in ("/", "/batches/"):
            assert (str(anns.pk) in as_user(name).get(path).content.decode()) == sees, (name, path)


def test_a_foreign_batch_in_a_selection_is_left_out(anns, people, start, as_user):
    bobs = jobs.finish(jobs.submit(start(), owner=people["bob"]))
    both, bob = {"batch": [str(anns.pk), str(bobs.pk)]}, as_user("bob")
    assert bob.get("/batches/compare/", both).status_code == 302
    assert str(anns.pk) not in bob.get("/batches/delete/", both).content.decode()
    bob.post("/batches/delete/", both)
    assert BatchSession.objects.get().pk == anns.pk


def test_a_viewer_changes_no_batch_of_others(anns, as_user, people):
    people["eve"].groups.add(Group.objects.get(name="Viewers"))
    eve, path = as_user("eve"), f"/api/backtest/batch/{anns.pk}"
    origin = {"Origin": "http://testserver"}
    assert eve.get(path).status_code == 200
    for action in ("/cancel", "/pause", "/resume"):
        assert eve.post(path + action, headers=origin).status_code == 403
    assert eve.delete(path, headers=origin).status_code == 403
    assert eve.post(path + "/retry", headers=origin).status_code == 403
    for action in ("cancel", "pause", "resume", "delete", "retry"):
        eve.post(f"/batches/{anns.pk}/{action}")
    eve.post("/batches/delete/", {"batch": [str(anns.pk)]})
    assert eve.post(f"/batches/{anns.pk}/notes/", {"notes": "mine"}).status_code == 403
    assert BatchSession.objects.get().sequence == anns.sequence
    assert BatchSession.objects.get().notes == ""


def test_an_id_taken_by_someone_else_is_refused_as_any_taken_id(people, start, with_token):
    chosen = str(uuid.uuid4())
    anns = jobs.submit(start(sessionId=chosen), owner=people["ann"])
    bob = with_token("bob")
    same = bob.post("/api/backtest/batch", start(sessionId=chosen), content_type="application/json")
    other = bob.post("/api/backtest/batch", start(sessionId=chosen, fees=0.5), content_type="application/json")
    own = with_token("ann").post(
        "/api/backtest/batch", start(sessionId=chosen, fees=0.5), content_type="application/json"
    )
    assert same.status_code == other.status_code == own.status_code == 409
    assert same.content == other.content == own.content
    assert BatchSession.objects.get().pk == anns.pk
