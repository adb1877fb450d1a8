"""Which pages may write and watch."""

import httpx
import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client

from backtester.asgi import application
from backtester.environment import proxies
from batches.models import BatchSession
from tests.batches.api.asking import BATCH, ON_ONE_BATCH, error_of, nothing_is_stored, url

pytestmark = pytest.mark.django_db(transaction=True)


FOREIGN = ["http://evil.example", "null", "http://testserver.evil.example", "https://", "", "x"]


@pytest.mark.parametrize("origin", [*FOREIGN, "https://testserver", "ftp://testserver"])
@pytest.mark.parametrize(("method", "rest"), [(method, rest) for method, rest in ON_ONE_BATCH if method != "get"])
def test_pages_of_other_sites_cannot_write(client, finished, method, rest, origin):
    error_of(getattr(client, method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    error_of(getattr(Client(), method)(url(finished, rest), headers={"Origin": origin}), 403, "FOREIGN_ORIGIN")
    assert BatchSession.objects.count() == 1


def test_pages_of_other_sites_cannot_start_a_batch(post, start):
    error_of(post(BATCH, start(), Origin="http://evil.example"), 403, "FOREIGN_ORIGIN")
    assert nothing_is_stored()


def test_our_own_pages_and_listed_ones_can_write(post, start, settings):
    settings.CORS_ALLOWED_ORIGINS = ["http://friend.example"]
    for origin in ("http://testserver", "http://friend.example"):
        assert post(BATCH, start(), Origin=origin).status_code == 202


def test_answers_carry_the_policies(client, db):
    response = client.get("/api/strategies")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"


async def writes(address, headers):
    transport = httpx.ASGITransport(app=application, client=(address, 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as browser:
        return (await browser.post(BATCH, content="x")).status_code == 415  # past the check of the origin


async def watches(address, headers):
    raw = [(name.lower().encode(), value.encode()) for name, value in {"Host": "localhost", **headers}.items()]
    communicator = WebsocketCommunicator(application, "/ws/nothing", headers=raw)
    communicator.scope |= {"client": (address, 5), "scheme": "ws"}
    connected, _ = await communicator.connect()
    await communicator.disconnect()
    return connected


@pytest.mark.parametrize("request_passes", [writes, watches])
async def test_the_scheme_of_an_origin_is_compared_also_behind_a_proxy(settings, request_passes):
    settings.TRUST_NETWORK = True

    async def passes(origin, forwarded=None, address="10.0.0.1"):
        proto = {"X-Forwarded-Proto": forwarded} if forwarded else {}
        return await request_passes(address, {"Origin": f"{origin}://localhost"} | proto)

    assert [await passes(origin) for origin in ("http", "https", "ftp", "ws")] == [True, False, False, False]
    assert not await passes("https", "https"), "the header of a client proves nothing"
    settings.TRUSTED_PROXIES = proxies(["10.0.0.1"])
    assert [await passes(origin, "https") for origin in ("http", "https")] == [False, True]
    assert [await passes(origin, "http, https") for origin in ("http", "https")] == [True, False]
    assert not await passes("https", "https", address="10.0.0.2")


async def test_with_https_only_pages_of_the_https_site_may_watch(settings):
    settings.HTTPS = True
    for origin, may in (("https", True), ("http", False)):
        assert await watches("127.0.0.1", {"Origin": f"{origin}://localhost"}) is may
