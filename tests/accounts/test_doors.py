"""Two people and every door: what is not one's own looks like what does not exist, and nobody is let in unasked.

The doors are read from the URL resolver. A new one that nobody has thought about here fails the test.
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
# Routes without a batch in them: open to everyone who is logged in, or looked at by tests of their own.
WITHOUT_A_BATCH = re.compile(
    r"(admin/|account/|count/|batches/|prices/|instruments/|presets/|symbols/|api/|metrics|healthz|readyz|log(in|out)/|$)"
)


def routes(patterns=None, prefix=""):
    """Every route as the resolver spells it."""
    for each in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, prefix + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield prefix + str(each.pattern)


def filled(route, session_id):
    """An address of the route, for one batch."""
    path = OF_A_BATCH.sub(str(session_id), route)
    path = re.sub(r"<(?:\w+:)?action>", "cancel", path)
    path = re.sub(r"<(?:int:)?\w+>", "0", path)
    return "/" + re.sub(r"[\^$]", "", path)


def doors_of_a_batch():
    return sorted({route for route in routes() if OF_A_BATCH.search(route)})


def ask(client, method, route, session_id):
    """What a page of ours would send to the route."""
    return getattr(client, method)(filled(route, session_id), headers={"Origin": "http://testserver"})


def told(response, session_id):
    """What an answer gives away, with the id itself taken out."""
    body = b"".join(response) if response.streaming else response.content
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", body.decode())
    return response.status_code, response.get("Content-Type"), text.replace(str(session_id), "ID")


@pytest.fixture
def anns(people, start):
    """A finished batch of Ann's."""
    return jobs.finish(jobs.submit(start(), owner=people["ann"]))


def test_there_are_doors():
    assert len(doors_of_a_batch()) >= 14


def test_every_route_without_a_batch_is_a_known_one():
    others = {route for route in routes() if not OF_A_BATCH.search(route)}
    assert [route for route in sorted(others) if not WITHOUT_A_BATCH.match(route)] == []


def test_a_link_to_the_symbols_of_a_foreign_batch_opens_the_form_without_them(anns, as_user):
    for name, symbols in (("ann", anns.request["symbols"]), ("bob", [])):
        form = as_user(name).get(f"/?symbols=&symbolsOf={anns.pk}").content.decode()
        assert re.findall(r'name="symbols" value="(\w+)" checked', form) == symbols


def test_a_foreign_batch_looks_like_an_unknown_one(anns, as_user, with_token):
    for bob, method, route in itertools.product((as_user("bob"), with_token("bob")), METHODS, doors_of_a_batch()):
        foreign, unknown = (told(ask(bob, method, route, session_id), session_id) for session_id in (anns.pk, UNKNOWN))
        assert foreign == unknown, (method, route)
        assert foreign[0] in {302, 401, 404, 405}, (method, route)
    assert BatchSession.objects.get().sequence == anns.sequence


@pytest.mark.parametrize("name", ["ann", "olga"])
def test_the_owner_and_who_may_see_all_come_in(name, anns, as_user):
    browser = as_user(name)
    for route in doors_of_a_batch():
        statuses = {ask(browser, method, route, anns.pk).status_code for method in ("get", "post")}
        assert statuses <= {200, 202, 204, 302, 405, 409, 422}, (route, statuses)
        assert statuses != {405}


def test_nobody_gets_in_without_an_account(anns, as_user, with_token, people):
    revoked = with_token("ann")
    people["ann"].tokens.all().delete()
    for stranger, method, route in itertools.product((as_user(""), revoked), METHODS, sorted(set(routes()))):
        answer, door = ask(stranger, method, route, anns.pk), (method, route)
        if route in {"healthz", "readyz", "login/"}:
            assert answer.status_code in {200, 405, 503}, door
        elif route.startswith(("api/", "metrics")) and route != "api/docs":
            assert answer.status_code == 401, door
            assert answer["WWW-Authenticate"].startswith("Bearer"), door
            assert answer.json()["code"] == "UNAUTHORIZED", door
        else:
            assert answer.status_code in {302, 403}, door  # 403: a form without its CSRF token
            assert answer.status_code == 403 or answer["Location"].startswith("/login/?next="), door
    assert BatchSession.objects.get().sequence == anns.sequence


def test_the_lists_hold_ones_own_batches(anns, as_user):
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


def test_who_sees_all_but_may_not_steer_changes_nothing_of_others(anns, as_user, people):
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


def test_an_id_that_is_taken_by_someone_else_is_refused_in_the_words_for_a_taken_id(people, start, with_token):
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
