"""A connection has deadlines and a limit of its own kind, whatever its client sends or does not send."""

import ipaddress

import pytest

from backtester.stack.daphne import channels, requests
from tests.support.daphne_in_memory import GET, answer, has_policies, in_memory

HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
FORM = b"multipart/form-data; boundary=x"
MEBIBYTE = 2**20


@pytest.fixture
async def server(monkeypatch):
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with in_memory(monkeypatch, application) as made:
        yield made


async def answered(server):
    """Wait until every application has ended."""
    for details in list(server.connections.values()):
        if "application_instance" in details:
            await details["application_instance"]


def drip(server, protocol, seconds, piece=b"x"):
    """A piece each second."""
    for _ in range(seconds):
        protocol.dataReceived(piece)
        server.clock.advance(1)


def test_a_byte_now_and_then_does_not_keep_a_head_open(server):
    protocol, transport = server.connect()
    protocol.dataReceived(b"GET / HTTP/1.1\r\nX: ")
    drip(server, protocol, int(channels.HEAD_S) - 1)
    assert not transport.disconnecting
    drip(server, protocol, 1)
    status, headers, error = answer(transport)
    assert transport.disconnecting
    assert (status, error["code"]) == (408, "REQUEST_TIMEOUT")
    assert has_policies(headers)


def test_a_connection_without_a_request_is_closed(server):
    _, transport = server.connect()
    server.clock.advance(channels.HEAD_S)
    assert transport.disconnecting


async def test_a_kept_connection_waits_longer_for_its_next_request_but_not_for_ever(server):
    protocol, transport = server.connect()
    protocol.dataReceived(GET)
    await answered(server)
    server.clock.advance(channels.KEEP_ALIVE_S - 1)
    assert not transport.disconnecting
    protocol.dataReceived(GET)
    await answered(server)
    server.clock.advance(channels.KEEP_ALIVE_S)
    assert transport.disconnecting
    assert b" 408 " not in transport.value(), "an answer to no request would be read as one to the next"


async def test_the_next_head_on_a_kept_connection_has_its_own_deadline(server):
    protocol, transport = server.connect()
    protocol.dataReceived(GET)
    await answered(server)
    protocol.dataReceived(b"GET /")
    server.clock.advance(channels.HEAD_S)
    assert transport.disconnecting


async def test_a_request_that_is_computed_for_long_has_no_deadline(monkeypatch):
    async def application(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    async with in_memory(monkeypatch, application) as server:
        protocol, transport = server.connect()
        protocol.dataReceived(GET)
        server.clock.advance(10_000)
        assert not transport.disconnecting


@pytest.mark.parametrize(("piece", "is_cut"), [(b"x", True), (b"x" * channels.BODY_BYTES_PER_S, False)])
def test_a_body_must_arrive_at_a_rate(server, piece, is_cut):
    protocol, transport = server.connect()
    protocol.dataReceived(HEAD % (b"/api/instruments", FORM, 60 * MEBIBYTE))
    drip(server, protocol, 3 * int(channels.BODY_S), piece)
    assert transport.disconnecting == is_cut


def test_an_address_may_have_many_idle_connections_and_then_loses_the_oldest(server):
    most = server.http_factory.max_idle
    transports = [server.connect()[1] for _ in range(most + 3)]
    assert [transport.disconnecting for transport in transports] == [True] * 3 + [False] * most


async def test_connections_with_a_request_are_not_idle(server):
    most = server.http_factory.max_idle
    protocol, busy = server.connect()
    protocol.dataReceived(GET)
    for _ in range(most):
        server.connect()
    assert not busy.disconnecting


def test_the_connections_of_a_trusted_proxy_are_not_counted(server, settings):
    _, transport = server.connect()
    server.http_factory.idle.clear()
    settings.TRUSTED_PROXIES = (ipaddress.ip_network(transport.getPeer().host),)
    server.connect()
    assert not server.http_factory.idle


async def test_without_room_a_request_gets_503_and_room_returns(server):
    server.http_factory.max_connections = 16
    connections = [server.connect() for _ in range(24)]
    protocol, transport = connections[-1]
    protocol.dataReceived(GET)
    status, headers, error = answer(transport)
    assert (status, error["code"], transport.disconnecting) == (503, "BUSY", True)
    assert has_policies(headers)
    assert headers["Retry-After"]
    assert server.http_factory.buildProtocol(None) is None, "beyond that it is closed at once"
    for protocol, _ in connections:
        protocol.connectionLost(None)
    assert server.http_factory.open == 0
    assert isinstance(server.connect()[0], channels.LimitedChannel)


@pytest.mark.parametrize("request_line", [b"\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_what_is_no_request_is_refused_in_the_one_shape(server, request_line):
    protocol, transport = server.connect()
    protocol.dataReceived(request_line)
    status, headers, error = answer(transport)
    assert (status, error["code"], error["success"]) == (400, "BAD_REQUEST", False)
    assert has_policies(headers)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX(: 1\r\n\r\n", 400),
        (HEAD % (b"/api/backtest/batch", b"application/json", 3 * MEBIBYTE), 413),
    ],
)
async def test_each_answer_of_the_server_itself_carries_the_policies(server, head, status):
    protocol, transport = server.connect()
    protocol.dataReceived(head)
    sent, headers, error = answer(transport)
    assert (sent, error["success"]) == (status, False)
    assert has_policies(headers)


ROOM = [
    ("personal", b"/api/instruments", FORM, b"", 256),
    ("personal", b"/prices/import/", FORM, b"", 256),
    ("personal", b"/login/", FORM, b"", 2),
    ("personal", b"/api/instruments", b"application/json", b"", 2),
    ("team", b"/api/instruments", FORM, b"", 2),
    ("team", b"/api/instruments", FORM, b"Cookie: a=b; csrftoken=x\r\n", 2),
    ("team", b"/api/instruments", FORM, b"Cookie: a=b; sessionid=x\r\n", 256),
    ("team", b"/api/instruments?x=1", FORM, b"Authorization: Bearer x\r\n", 256),
    ("team", b"/login/", FORM, b"Cookie: sessionid=x\r\n", 2),
]


@pytest.mark.parametrize(("mode", "path", "kind", "more", "mebibytes"), ROOM)
def test_only_an_upload_has_room_for_a_file(server, settings, mode, path, kind, more, mebibytes):
    settings.ACCESS_MODE = mode
    for length, is_refused in ((mebibytes * MEBIBYTE, False), ((mebibytes + 1) * MEBIBYTE, True)):
        protocol, transport = server.connect()
        protocol.dataReceived((HEAD % (path, kind, length)).replace(b"\r\n\r\n", b"\r\n" + more + b"\r\n"))
        assert (b" 413 " in transport.value()) == is_refused


def test_few_files_are_uploaded_at_the_same_time(server):
    uploads = [server.connect() for _ in range(requests.MAX_UPLOADS + 1)]
    for protocol, _ in uploads:
        protocol.dataReceived(HEAD % (b"/api/instruments", FORM, 3 * MEBIBYTE))
    status, headers, error = answer(uploads[-1][1])
    assert (status, error["code"]) == (503, "BUSY")
    assert headers["Retry-After"]
    for protocol, _ in uploads:
        protocol.connectionLost(None)
    protocol, transport = server.connect()
    protocol.dataReceived(HEAD % (b"/api/instruments", FORM, 3 * MEBIBYTE))
    assert not transport.value(), "there is room again"


async def test_a_body_reaches_the_application_in_pieces(monkeypatch):
    pieces = []

    async def application(scope, receive, send):
        more_body = True
        while more_body:
            message = await receive()
            pieces.append(message["body"])
            more_body = message["more_body"]

    body = bytes(range(256)) * 4096
    async with in_memory(monkeypatch, application) as server:
        protocol, _ = server.connect()
        protocol.dataReceived(HEAD % (b"/api/backtest/batch", b"application/json", len(body)) + body)
        await answered(server)
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == 65_536
