"""What fails in one connection reaches neither the others nor the loops that look after all of them."""

import ast
import asyncio
import logging
from pathlib import Path

import pytest

from backtester.stack.daphne import server as daphne_server
from tests.support.daphne_in_memory import GET, HANDSHAKE, answer, has_policies, in_memory

ROOT = Path(__file__).resolve().parents[2]
CHECKS = 3


async def until_idle():
    """Let every task run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def break_on_the_way(scope, receive, send):
    if scope["path"] == "/healthz":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept"} if scope["type"] == "websocket" else start_of(scope))
    raise LookupError(f"broken: {scope['path']}")


def start_of(scope):
    return {"type": "http.response.start", "status": 200, "headers": []}


@pytest.fixture
async def server(monkeypatch):
    async with in_memory(monkeypatch, break_on_the_way) as made:
        made.application_checker()
        made.timeout_checker()
        yield made


async def request(server, head=GET):
    protocol, transport = server.connect()
    protocol.dataReceived(head)
    await until_idle()
    return protocol, transport


async def test_a_response_that_breaks_is_cut_and_reported_each_time_and_others_are_forgotten(server, caplog):
    for number in range(2):
        _, transport = await request(server, GET.replace(b"healthz", b"export%d" % number))
        server.clock.advance(daphne_server.CLEANUP_S)
        assert transport.aborted
        assert f"broken: /export{number}" in caplog.text
    for _ in range(1_000):
        protocol, _ = server.connect()
        protocol.dataReceived(GET)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        protocol.connectionLost(None)
    await until_idle()
    server.clock.advance(daphne_server.CLEANUP_S)
    assert len(server.connections) <= 2, "only those that were cut, and are not closed yet"


async def test_an_error_before_the_response_is_a_500_in_the_one_shape(monkeypatch):
    async def application(scope, receive, send):
        raise RuntimeError("inside")

    async with in_memory(monkeypatch, application) as server:
        _, transport = await request(server)
        server.application_checker()
    status, headers, error = answer(transport)
    assert (status, error["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "inside" not in str(error)
    assert has_policies(headers)


async def test_a_thread_that_cannot_be_started_is_a_503(monkeypatch):
    async def application(scope, receive, send):
        raise RuntimeError("can't start new thread")

    async with in_memory(monkeypatch, application) as server:
        _, transport = await request(server)
        server.application_checker()
    status, headers, _ = answer(transport)
    assert (status, headers["Retry-After"]) == (503, "5")


async def test_a_websocket_that_breaks_is_closed_with_1011(server):
    _, transport = await request(server, HANDSHAKE)
    server.clock.advance(daphne_server.CLEANUP_S)
    assert transport.value().endswith(b"\x88\x02\x03\xf3")


@pytest.mark.parametrize("check", ["handle_exception", "check_timeouts"])
async def test_a_check_that_fails_cuts_its_connection_and_the_others_are_checked(server, monkeypatch, caplog, check):
    (bad, bad_transport), (_, transport) = [await request(server, GET.replace(b"healthz", b"x")) for _ in range(2)]

    def fail(*_):
        raise OSError("the check itself")

    monkeypatch.setattr(bad.requests[0], check, fail)
    for _ in range(CHECKS):
        server.clock.pump([daphne_server.CHECK_S / daphne_server.SLICES] * daphne_server.SLICES)
    assert bad_transport.aborted
    assert transport.aborted, "by its own error"
    assert "the check itself" in caplog.text
    assert len(server.clock.getDelayedCalls()) >= 2, "both loops go on"


async def test_an_application_that_ignores_the_end_of_its_client_is_canceled(monkeypatch, caplog):
    ended = []

    async def application(scope, receive, send):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(scope["path"])

    async with in_memory(monkeypatch, application) as server:
        protocol, _ = await request(server)
        protocol.connectionLost(None)
        server.application_close_timeout = -1
        with caplog.at_level(logging.WARNING):
            server.application_checker()
        await until_idle()
        assert ended == ["/healthz"]
        server.application_checker()
        assert not server.connections


# ---- every loop that is meant to run for ever ------------------------------------------------------------------------

WAITS = {"sleep", "wait", "receive"}
SCHEDULES = {"callLater", "call_later"}
# Loops of one command or one request, which may end with an error.
BOUNDED = {"client", "doctor", "terminal", "follow", "preparation", "redis_server", "shutdown", "startup"}
BOUNDED |= {"websocket", "yahoo"}


def called(tree):
    """Names of all that is called in a tree."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "") for function in functions
    }


def catches_everything(statement):
    names = {ast.unparse(handler.type) if handler.type else "BaseException" for handler in statement.handlers}
    return bool(names & {"Exception", "BaseException"})


def unguarded_loops(tree):
    """Lines of loops that wait and of functions that schedule themselves, where an error would be the end of it."""
    for loop in (node for node in ast.walk(tree) if isinstance(node, ast.While) and called(node) & WAITS):
        for statement in loop.body:
            guarded = isinstance(statement, ast.Try) and catches_everything(statement)
            if not guarded and called(statement) - WAITS:
                yield loop.lineno
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and len(node.args) > 1]
        calls = [call for call in calls if getattr(call.func, "attr", "") in SCHEDULES]
        names = {ast.unparse(call.args[1]).rpartition(".")[2] for call in calls}
        if function.name in names:
            *_, last = function.body
            if not (isinstance(last, ast.Try) and called(ast.Module(last.finalbody, [])) & SCHEDULES):
                yield function.lineno


def test_no_loop_ends_with_the_first_error_of_a_step():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("backtester", "batches")
        for path in (ROOT / folder).rglob("*.py")
        if not BOUNDED & {path.stem, *path.parts}
        for line in unguarded_loops(ast.parse(path.read_text()))
    ]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    step()\n    time.sleep(1)",
        "while True:\n    time.sleep(1)\n    try:\n        step()\n    except OSError:\n        pass",
        "def check(self):\n    step()\n    reactor.callLater(1, self.check)",
    ],
)
def test_an_unguarded_loop_is_found(source):
    assert list(unguarded_loops(ast.parse(source)))
