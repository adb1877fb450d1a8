"""Streams in team mode: who has access, and that they end when the access does."""

import asyncio
import contextlib
import json

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group
from django.test import AsyncClient

from backtester.accounts.credentials import Credential
from backtester.accounts.tokens import create_token, hash_secret
from backtester.asgi import application
from batches import permissions
from batches.errors import NotFound, Unauthorized
from batches.live import follow, hub
from tests.support import jobs
from tests.support.watchers import until_closed

pytestmark = pytest.mark.django_db(transaction=True)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
STREAM = "/api/backtest/batch/stream"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(hub, "POLL_S", 0.02)
    monkeypatch.setattr(hub, "RECHECK_S", 0.02)


@pytest.fixture
def anns(people, start):
    """A running batch of Ann."""
    return jobs.work_some(jobs.submit(start(), owner=people["ann"]), 2)


@pytest.fixture
def secrets(people):
    """The secret of a token for each user."""
    return {name: create_token(person, "script")[1] for name, person in people.items()}


def authorization(secret):
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def socket(session_id, secret):
    headers = [(name.lower().encode(), value.encode()) for name, value in authorization(secret).items()]
    path = f"/ws/backtest/batch/{session_id}/"
    return WebsocketCommunicator(application, path, headers=[(b"host", b"localhost"), *headers])


async def to_the_end(events):
    async with asyncio.timeout(10):
        async for _ in events:
            pass


async def ending(session_id, secret):
    """Return the messages of a websocket and its close code."""
    communicator = socket(session_id, secret)
    assert (await communicator.connect())[0]
    messages, code = await until_closed(communicator)
    await communicator.disconnect()
    return json.dumps(messages).replace(str(session_id), "ID"), code


async def test_a_foreign_batch_looks_like_an_unknown_one_on_every_stream(anns, secrets):
    for name in ("bob", "eve"):
        foreign, unknown = [await ending(session_id, secrets[name]) for session_id in (anns.pk, UNKNOWN)]
        assert foreign == unknown
        assert foreign[1] == 4404
        headers = authorization(secrets[name])
        answers = [
            await AsyncClient().get(f"{STREAM}?sessionId={session_id}", headers=headers)
            for session_id in (anns.pk, UNKNOWN)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content


@pytest.mark.parametrize("secret", ["", "bt_made-up"])
async def test_an_anonymous_client_gets_no_stream(anns, people, secret):
    messages, code = await ending(anns.pk, secret)
    assert (json.loads(messages)[0]["code"], code) == ("UNAUTHORIZED", 4401)
    answer = await AsyncClient().get(f"{STREAM}?sessionId={anns.pk}", headers=authorization(secret))
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert not hub.current_hub().watchers


async def test_the_owner_watches_with_a_cookie_and_with_a_token(anns, as_user, secrets):
    browser = await sync_to_async(as_user)("ann")
    session_key = browser.cookies["sessionid"].value
    for credential in (Credential("session", session_key), Credential("token", hash_secret(secrets["ann"]))):
        async with contextlib.aclosing(follow.follow(anns.pk, credential)) as events:
            assert (await anext(events)).kind == "connected"


def _log_out(people, browser):
    browser.post("/logout/")


def _deactivate(people, browser):
    people["olga"].is_active = False
    people["olga"].save()


def _change_password(people, browser):
    people["olga"].set_password("another one, and longer")
    people["olga"].save()


def _lose_role(people, browser):
    people["olga"].groups.remove(Group.objects.get(name="Operators"))


@pytest.mark.parametrize(
    ("lose", "refusal"),
    [(_log_out, Unauthorized), (_deactivate, Unauthorized), (_change_password, Unauthorized), (_lose_role, NotFound)],
)
async def test_a_stream_ends_when_its_user_loses_access(anns, people, as_user, lose, refusal):
    browser = await sync_to_async(as_user)("olga")
    credential = Credential("session", browser.cookies["sessionid"].value)
    async with contextlib.aclosing(follow.follow(anns.pk, credential)) as events:
        assert (await anext(events)).kind == "connected"
        await sync_to_async(lose)(people, browser)
        with pytest.raises(refusal):
            await to_the_end(events)
    assert not hub.current_hub().watchers


async def test_a_revoked_token_closes_its_websocket(anns, people, secrets):
    communicator = socket(anns.pk, secrets["ann"])
    assert (await communicator.connect())[0]
    assert (await communicator.receive_json_from(timeout=10))["type"] == "connected"
    await sync_to_async(people["ann"].tokens.all().delete)()
    messages, code = await until_closed(communicator)
    assert (messages[-1]["code"], code) == ("UNAUTHORIZED", 4401)
    await communicator.disconnect()


async def test_other_watchers_stay_when_one_loses_access(anns, people, secrets):
    anna, olga = (Credential("token", hash_secret(secrets[name])) for name in ("ann", "olga"))
    async with (
        contextlib.aclosing(follow.follow(anns.pk, anna)) as stays,
        contextlib.aclosing(follow.follow(anns.pk, olga)) as leaves,
    ):
        await anext(stays)
        await anext(leaves)
        await sync_to_async(people["olga"].tokens.all().delete)()
        with pytest.raises(Unauthorized):
            await to_the_end(leaves)
        await sync_to_async(jobs.finish)(anns)
        kinds = [event.kind async for event in stays if event is not None]
    assert kinds[-1] == "complete"


@pytest.mark.parametrize("watchers", [1, 40])
def test_rechecking_takes_as_many_queries_however_many_watch(
    people, start, secrets, watchers, django_assert_max_num_queries
):
    session = jobs.submit(start(), owner=people["ann"])
    credentials = [Credential("token", hash_secret(create_token(people["bob"], str(n))[1])) for n in range(watchers)]
    with django_assert_max_num_queries(4):
        refused = permissions.refused({(credential, session.pk) for credential in credentials})
    assert {type(error) for error in refused.values()} == {NotFound}
    assert len(refused) == watchers
