"""Whose a connection is, when there may be a proxy in between."""

import ipaddress

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator

from backtester.asgi import application
from backtester.environment import proxies
from backtester.web.proxies import BehindProxies, client_of
from tests.test_security import start_with

CLIENT, OTHER, PROXY, NEARER = "203.0.113.7", "203.0.113.8", "10.0.0.1", "10.0.1.9"


@pytest.fixture
def behind(settings):
    """One proxy on a machine of its own, others in a network, and what comes over a unix socket."""
    settings.TRUSTED_PROXIES = proxies([PROXY, "10.0.1.0/24", "2001:db8::/32", "unix"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"  {CLIENT} ", CLIENT),
        (PROXY, f"{CLIENT}, {NEARER}", CLIENT),
        (PROXY, f"{OTHER}, {CLIENT}, {NEARER}", CLIENT),  # the first was the client's own word
        (PROXY, f"127.0.0.1,{CLIENT}", CLIENT),
        (PROXY, NEARER, NEARER),
        (PROXY, "", PROXY),
        (PROXY, "unknown", PROXY),
        (PROXY, f"{CLIENT}, {NEARER}:443", PROXY),
        (PROXY, f"{CLIENT}, nonsense, {NEARER}", NEARER),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        ("2001:db8::5", "2001:db9::1", "2001:db9::1"),
        ("", CLIENT, CLIENT),
        (CLIENT, OTHER, CLIENT),
        ("10.0.0.2", CLIENT, "10.0.0.2"),
        ("nonsense", CLIENT, "nonsense"),
    ],
)
def test_the_client_is_the_nearest_that_is_no_trusted_proxy(behind, peer, forwarded, client):
    assert client_of(peer, forwarded) == client


@pytest.mark.parametrize("peer", [PROXY, "127.0.0.1", "::1", "", CLIENT])
def test_by_default_nobody_is_believed(settings, peer):
    assert settings.TRUSTED_PROXIES == ()
    assert client_of(peer, OTHER) == peer


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ((PROXY, 5), [CLIENT], [CLIENT, 0]),
        ((PROXY, 5), [OTHER, CLIENT], [CLIENT, 0]),  # a header for each
        ((PROXY, 5), [], (PROXY, 5)),
        ((CLIENT, 5), [OTHER], (CLIENT, 5)),
        (None, [CLIENT], [CLIENT, 0]),
        (None, [], None),
    ],
)
async def test_everything_inside_finds_it_in_the_scope(behind, kind, peer, told, client):
    async def inside(scope, receive, send):
        assert (scope["client"], scope["path"]) == (client, "/x")

    headers = [(b"x-forwarded-for", each.encode()) for each in told]
    scope = {"type": kind, "path": "/x", "client": peer, "headers": headers}
    await ApplicationCommunicator(BehindProxies(inside), scope).wait()


@pytest.mark.django_db(transaction=True)
async def test_each_client_behind_a_trusted_proxy_has_a_rate_of_its_own_and_forging_gives_no_other(behind, settings):
    settings.WRITES_PER_MINUTE, settings.TRUST_NETWORK = 1, True

    async def post(peer, forwarded):
        transport = httpx.ASGITransport(app=application, client=(peer, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post("/api/backtest/batch", content="x", headers={"X-Forwarded-For": forwarded})
        return answer.status_code

    assert [await post(PROXY, CLIENT), await post(PROXY, OTHER)] == [415, 415]
    assert [await post(PROXY, CLIENT), await post(PROXY, f"192.0.2.1, {CLIENT}")] == [429, 429]
    assert [await post("198.51.100.1", "192.0.2.1"), await post("198.51.100.1", "192.0.2.2")] == [415, 429]


@pytest.mark.django_db(transaction=True)
async def test_personal_mode_looks_at_whom_the_proxy_serves(behind, settings):
    async def get(forwarded):
        transport = httpx.ASGITransport(app=application, client=(PROXY, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get("/api/strategies", headers={"X-Forwarded-For": forwarded})).status_code

    assert await get("127.0.0.1") == 200
    assert await get(CLIENT) == await get(f"127.0.0.1, {CLIENT}") == 403


def test_addresses_and_networks_are_read_at_the_start_and_what_is_none_stops_it(tmp_path):
    assert proxies([" 10.0.0.1", "::1", "unix"]) == (
        ipaddress.ip_network("10.0.0.1/32"),
        ipaddress.ip_network("::1/128"),
        "unix",
    )
    refused = start_with(tmp_path, TRUSTED_PROXIES="127.0.0.1,nginx")
    assert refused.returncode != 0
    assert (
        "TRUSTED_PROXIES must be addresses, networks (10.0.0.0/24) or unix: 'nginx' does not appear to be"
        in refused.stderr.splitlines()[-1]
    )
