"""Two traders, a viewer, an operator and a stranger, in team mode."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from backtester.accounts.roles import make_missing_roles
from backtester.accounts.tokens import issue
from tests.batches.conftest import (  # noqa: F401  # the market and its batches are the same here
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
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a slow one costs the tests minutes


@pytest.fixture
def people(db):
    """By name."""
    make_missing_roles()
    made = {name: User.objects.create_user(name, password=f"{name} says 42") for name in ("ann", "bob", "eve", "olga")}
    for name, role in (("ann", "Traders"), ("bob", "Traders"), ("olga", "Operators")):
        made[name].groups.add(Group.objects.get(name=role))
    return made


@pytest.fixture
def as_user(people):
    """as_user(name): a browser in which they are logged in; "" for nobody."""

    def client(name):
        browser = Client(headers={"Host": "testserver"})
        if name:
            browser.force_login(people[name])
        return browser

    return client


@pytest.fixture
def with_token(people):
    """with_token(name): a script with a token of theirs."""

    def client(name):
        _, secret = issue(people[name], "script")
        return Client(headers={"Host": "testserver", "Authorization": f"Bearer {secret}"})

    return client
