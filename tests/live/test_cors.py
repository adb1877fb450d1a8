"""Pages of other sites: nothing by default; with a list, exactly the sites on it, with credentials, on every route."""

import httpx
import pytest
import websockets

pytestmark = pytest.mark.stack
FRIEND, STRANGER = "https://research.example", "https://evil.example"


@pytest.fixture(scope="module")
def open_to_a_friend(start_server):
    """A server that lists one other site."""
    return start_server(CORS_ALLOWED_ORIGINS=FRIEND)


def doors(serving):
    session_id = serving.batch()
    serving.finish(session_id, announce=False)
    return [serving.stream_url(session_id), f"{serving.url}/api/backtest/batch/{session_id}"]


def ask(url, origin):
    return httpx.get(url, headers={"Origin": origin}).headers


def preflight(url, origin):
    return httpx.options(
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    ).headers


def test_by_default_no_other_site_may_read_anything(serving):
    for url in doors(serving):
        for origin in (FRIEND, STRANGER, "null"):
            for headers in (ask(url, origin), preflight(url, origin)):
                assert not [name for name in headers if name.startswith("access-control-allow")]


def test_a_listed_site_may_read_and_write_with_its_cookies(open_to_a_friend):
    for url in doors(open_to_a_friend):
        for headers in (ask(url, FRIEND), preflight(url, FRIEND)):
            assert headers["Access-Control-Allow-Origin"] == FRIEND
            assert headers["Access-Control-Allow-Credentials"] == "true"
            assert "origin" in headers["Vary"].lower()
        assert "POST" in preflight(url, FRIEND)["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", FRIEND + ".evil.example", FRIEND.replace("https", "http"), FRIEND + ":8443", "*"]
)
async def test_nobody_else_may(open_to_a_friend, origin):
    for url in doors(open_to_a_friend):
        for headers in (ask(url, origin), preflight(url, origin)):
            assert not [name for name in headers if name.startswith("access-control-allow")]
    posted = httpx.post(f"{open_to_a_friend.url}/api/backtest/batch", headers={"Origin": origin}, json={})
    assert (posted.status_code, posted.json()["code"]) == (403, "FOREIGN_ORIGIN")
    with pytest.raises(websockets.InvalidStatus, match=r"40[03]"):
        await websockets.connect(open_to_a_friend.socket_url(open_to_a_friend.spare[0]), origin=origin)


async def test_a_listed_site_may_open_a_websocket(open_to_a_friend):
    url = open_to_a_friend.socket_url(open_to_a_friend.batch())
    async with websockets.connect(url, origin=FRIEND) as connection:
        assert '"type":"connected"' in await connection.recv()
