"""What is too large is refused by the real server while it comes in, before it is in memory."""

import json
import socket
from http.client import parse_headers
from urllib.parse import urlsplit

import psutil
import pytest

pytestmark = [pytest.mark.stack]
BATCHES, INSTRUMENTS = "/api/backtest/batch", "/api/instruments"
HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{more}\r\n\r\n"
MEBIBYTE = b"x" * 2**20


def connect(stack):
    address = urlsplit(stack.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def refusal(connection):
    """Status and error of the answer; the server takes seconds to close, for those who still send."""
    with connection.makefile("rb") as answer:
        status = int(answer.readline().split()[1])
        length = int(parse_headers(answer)["Content-Length"])
        return status, json.loads(answer.read(length))


def web_servers(stack):
    return [
        process
        for process in psutil.Process(stack.process.pid).children(recursive=True)
        if "backtester.stack.daphne.server" in " ".join(process.cmdline())
    ]


@pytest.mark.parametrize(
    ("path", "kind", "length", "limit"),
    [
        (BATCHES, "application/json", 2 * 2**20 + 1, "BATCH_MAX_BODY_BYTES"),
        (BATCHES, "application/json", 10**15, "BATCH_MAX_BODY_BYTES"),
        (BATCHES, "multipart/form-data; boundary=x", 3 * 2**20, "BATCH_MAX_BODY_BYTES"),
        (INSTRUMENTS, "multipart/form-data; boundary=x", 10**9, "PRICES_MAX_BYTES"),
    ],
)
def test_a_body_that_is_announced_too_large_is_refused_before_any_of_it_is_sent(stack, path, kind, length, limit):
    with connect(stack) as connection:
        connection.sendall(HEAD.format(path=path, kind=kind, more=f"Content-Length: {length}").encode())
        status, error = refusal(connection)
    assert (status, error["success"], error["code"]) == (413, False, "BODY_TOO_LARGE")
    assert limit in error["error"]


def test_a_body_without_an_end_is_refused_while_it_comes_and_costs_no_memory(stack):
    (server,) = web_servers(stack)
    before = server.memory_info().rss
    with connect(stack) as connection:
        connection.sendall(
            HEAD.format(path=BATCHES, kind="application/json", more="Transfer-Encoding: chunked").encode()
        )
        for _ in range(60):
            connection.sendall(b"100000\r\n" + MEBIBYTE + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        status, error = refusal(connection)
    assert (status, error["code"]) == (413, "BODY_TOO_LARGE")
    assert server.memory_info().rss - before < 20 * 2**20


def test_a_client_that_sends_all_of_it_all_the_same_still_reads_why(stack):
    with connect(stack) as connection:
        connection.sendall(
            HEAD.format(path=BATCHES, kind="application/json", more=f"Content-Length: {8 * 2**20}").encode()
        )
        connection.sendall(MEBIBYTE * 8)
        assert refusal(connection)[0] == 413
