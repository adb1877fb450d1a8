"""Accounts, roles and tokens in the admin, and the permissions of its actions."""

import pytest
from django.contrib.auth.models import Group, User

from backtester.accounts.models import Token
from backtester.accounts.tokens import create_token
from batches.models import BatchSession
from tests.support import jobs

pytestmark = pytest.mark.django_db
SESSIONS = "/admin/batches/batchsession/"


@pytest.fixture
def staff(people):
    """Everyone can log in to the admin; Eve sees all batches."""
    User.objects.update(is_staff=True)
    people["eve"].groups.add(Group.objects.get(name="Viewers"))
    people["root"] = User.objects.create(username="root", is_staff=True, is_superuser=True)
    return people


def test_accounts_roles_and_tokens_are_managed_in_the_admin(staff, as_user):
    token, _ = create_token(staff["ann"], "nightly")
    root = as_user("root")
    for path in (
        "auth/user/",
        f"auth/user/{staff['ann'].pk}/change/",
        "auth/user/add/",
        "auth/group/",
        "people/token/",
    ):
        page = root.get(f"/admin/{path}")
        assert page.status_code == 200, path
    assert "nightly" in page.content.decode()
    assert token.sha256 not in root.get(f"/admin/people/token/{token.pk}/change/").content.decode()
    assert root.get("/admin/people/token/add/").status_code == 403
    root.post(f"/admin/people/token/{token.pk}/delete/", {"post": "yes"})
    assert not Token.objects.exists()


def test_the_admin_shows_batches_to_users_who_may_see_all(staff, as_user, start):
    session = jobs.submit(start(), owner=staff["ann"])
    for name, status in (("ann", 403), ("bob", 403), ("eve", 200), ("olga", 200)):
        assert as_user(name).get(SESSIONS).status_code == status, name
        assert as_user(name).get(f"{SESSIONS}{session.pk}/change/").status_code == status, name
    listed = as_user("eve").get(f"{SESSIONS}?owner__id__exact={staff['ann'].pk}").content.decode()
    assert str(session.pk) in listed
    assert str(session.pk) not in as_user("eve").get(f"{SESSIONS}?owner__id__exact={staff['bob'].pk}").content.decode()


@pytest.mark.parametrize(("name", "status"), [("eve", "running"), ("olga", "cancelled")])
def test_actions_need_the_permission_to_change_batches(staff, as_user, start, name, status):
    session = jobs.work_some(jobs.submit(start(), owner=staff["ann"]), 1)
    as_user(name).post(SESSIONS, {"action": "cancel_batches", "_selected_action": [str(session.pk)]})
    assert BatchSession.objects.get().status == status
