"""How much one address may ask for."""

import json

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from backtester.accounts.addresses import counted_as
from backtester.web.rate_limits import MAX_ADDRESSES, Buckets, StreamsByAddress


def test_a_minutes_worth_may_come_at_once_and_then_as_many_as_flow_in_again():
    buckets = Buckets()
    assert [buckets.wait_s("a", 3, 0.0) for _ in range(4)] == [0, 0, 0, 20]
    assert buckets.wait_s("a", 3, 19.5) == 1
    assert buckets.wait_s("a", 3, 20.0) == 0
    assert buckets.wait_s("a", 3, 20.0) == 20
    assert [buckets.wait_s("a", 3, 1e6) for _ in range(4)] == [0, 0, 0, 20]


def test_each_address_has_its_own_and_only_so_many_are_remembered():
    buckets = Buckets()
    assert buckets.wait_s("a", 1, 0.0) == 0
    assert buckets.wait_s("b", 1, 0.0) == 0
    assert buckets.wait_s("a", 1, 0.0) == 60
    for number in range(MAX_ADDRESSES + 5):
        buckets.wait_s(str(number), 1, 0.0)
    assert len(buckets.levels) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("", ""),
    ],
)
def test_one_client_is_one_address_or_one_network_of_the_new_kind(address, name):
    assert counted_as(address) == name


def test_too_many_writing_requests_are_refused_and_reading_goes_on(settings, db):
    settings.WRITES_PER_MINUTE = 2
    client = Client()

    def post(**more):
        return client.post("/api/backtest/batch", "x", content_type="application/json", **more)

    assert [post().status_code for _ in range(3)] == [400, 400, 429]
    refused = post(headers={"X-Forwarded-For": "10.9.9.9"})  # anybody can say so
    assert (refused.status_code, refused["Retry-After"], refused.json()["code"]) == (429, "30", "TOO_MANY_REQUESTS")
    assert "WRITES_PER_MINUTE" in refused.json()["error"]
    assert client.delete("/api/backtest/batch/x").status_code == 429
    assert client.get("/api/strategies").status_code == 200
    assert post(REMOTE_ADDR="127.0.0.2").status_code == 400


async def forever(scope, receive, send):
    await receive()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_one_address_may_hold_only_so_many_streams_open(settings, kind):
    settings.STREAMS_MAX_PER_ADDRESS = 1
    application = StreamsByAddress(forever)

    def connection(address):
        scope = {"type": kind, "path": "/api/backtest/batch/stream", "client": (address, 1), "headers": []}
        return ApplicationCommunicator(application, scope)

    first, second, other = connection("10.0.0.1"), connection("10.0.0.1"), connection("10.0.0.2")
    assert await first.receive_nothing()
    assert await other.receive_nothing()
    await second.send_input({"type": f"{kind}.connect"})
    told = [await second.receive_output() for _ in range(3 if kind == "websocket" else 2)]
    text = told[1]["text"] if kind == "websocket" else told[1]["body"]
    assert json.loads(text)["code"] == "LIMIT_REACHED"
    assert (told[-1]["code"] if kind == "websocket" else told[0]["status"]) in {4429, 429}
    for ended in (first, other):
        await ended.send_input({"type": f"{kind}.disconnect"})
        await ended.wait()
    assert not application.open
