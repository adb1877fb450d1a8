"""Two traders, an operator and a user without a role, in team mode."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from backtester.accounts.roles import create_missing_roles
from backtester.accounts.tokens import create_token
from tests.batches.conftest import (  # noqa: F401  # the same market and batches
    _no_redis,
    _small_world,
    finished,
    halfway,
    instruments,
    start,
    submitted,
)


@pytest.fixture(autouse=True)
def _team(settings):
    settings.ACCESS_MODE = "team"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow hasher would cost minutes


@pytest.fixture
def people(db):
    """The users by name."""
    create_missing_roles()
    users = {name: User.objects.create_user(name, password=f"{name} says 42") for name in ("ann", "bob", "eve", "olga")}
    for name, role in (("ann", "Traders"), ("bob", "Traders"), ("olga", "Operators")):
        users[name].groups.add(Group.objects.get(name=role))
    return users


@pytest.fixture
def as_user(people):
    """as_user(name): a browser in which the user is logged in; "" for an anonymous one."""

    def client(name):
        browser = Client(headers={"Host": "testserver"})
        if name:
            browser.force_login(people[name])
        return browser

    return client


@pytest.fixture
def with_token(people):
    """with_token(name): a script with a token of the user."""

    def client(name):
        _, secret = create_token(people[name], "script")
        return Client(headers={"Host": "testserver", "Authorization": f"Bearer {secret}"})

    return client
