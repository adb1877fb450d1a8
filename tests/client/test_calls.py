"""Requests as data: what is sent, how an answer is read, what is sent again."""

import io
import json
from datetime import date

import httpx
import numpy as np
import pandas as pd
import pytest

from backtester.client import AsyncClient, Client, ClientError, NotFound, Refused, Unreachable
from backtester.client.addresses import server_address, split_link
from backtester.client.calls import query_string, request_body

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("backtester.client.calls.PAUSES_S", (0.0, 0.0))


def client(handle, kind=Client):
    """Return a client whose server is a function."""
    client = kind("http://server")
    client._connection.http = {Client: httpx.Client, AsyncClient: httpx.AsyncClient}[kind](
        base_url="http://server", transport=httpx.MockTransport(handle)
    )
    return client


class Server:
    """Gives the answers in order; raises those that are exceptions, as a broken connection."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


CUT = httpx.ReadError("cut")


def started():
    return httpx.Response(202, json={"success": True, "sessionId": ID, "total": 4})


def test_a_start_that_broke_is_sent_again_under_the_same_id():
    server = Server(CUT, httpx.Response(502), started())
    assert client(server).start("sma_cross", ["AAPL"]).id == ID
    bodies = [request.content for request in server.requests]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert b"sessionId" in bodies[0]


async def test_the_asyncio_client_does_the_same():
    server = Server(CUT, httpx.Response(503), started())
    assert (await client(server, AsyncClient).start("sma_cross", ["AAPL"])).total == 4
    assert len(server.requests) == 3


def test_a_retry_that_may_have_been_done_is_not_sent_again():
    server = Server(CUT)
    with pytest.raises(Unreachable, match="does not answer: cut"):
        client(server).batch(ID).retry()
    never_sent = Server(httpx.ConnectError("refused"), started())
    assert client(never_sent).batch(ID).retry().id == ID


def test_a_server_that_stays_away_is_unreachable():
    with pytest.raises(Unreachable, match=r"http://server does not answer: refused\."):
        client(Server(*[httpx.ConnectError("refused")] * 3)).strategies()


def test_a_refusal_carries_what_the_server_said():
    refusal = {"success": False, "error": "No.", "code": "INVALID_REQUEST", "details": [{"field": "a", "message": "b"}]}
    with pytest.raises(Refused, match=r"^No\.$") as raised:
        client(Server(httpx.Response(422, json=refusal))).start("sma_cross", ["AAPL"])
    assert (raised.value.status, raised.value.code) == (422, "INVALID_REQUEST")
    assert (raised.value.details[0].field, raised.value.details[0].message) == ("a", "b")


def test_an_answer_of_a_proxy_is_an_error():
    with pytest.raises(
        NotFound, match=r"http://server/api/backtest/batch/\S+ answers HTTP 404 Not Found.* is the address right"
    ):
        client(Server(httpx.Response(404, text="<html>"))).batch(ID).newest()
    with pytest.raises(Unreachable, match="is the address right"):
        client(Server(httpx.Response(200, text="<html>"))).strategies()


def test_the_token_goes_with_every_request(monkeypatch):
    monkeypatch.setenv("BACKTESTER_TOKEN", "from-the-environment")
    assert Client("http://server")._connection.http.headers["Authorization"] == "Bearer from-the-environment"
    assert Client("http://server", token="given")._connection.headers == {"Authorization": "Bearer given"}


def test_the_token_of_the_environment_is_not_shown_to_another_server(monkeypatch):
    monkeypatch.setenv("BACKTESTER_TOKEN", "secret")
    monkeypatch.setenv("BACKTESTER_URL", "https://ours/")
    assert (
        Client()._connection.headers == Client("https://ours")._connection.headers == {"Authorization": "Bearer secret"}
    )
    assert Client("https://theirs")._connection.headers == {}


def test_options_and_ranges_are_spelled_as_on_the_wire():
    body = request_body(
        "sma_cross",
        "AAPL",
        {"fast": range(5, 8), "slow": np.array([20, 50]), "stop_loss": {"start": 0.1, "stop": 0.2, "step": 0.1}},
        {"start_date": date(2001, 2, 3), "initialCapital": 5, "sort_by": None},
    )
    assert body == {
        "strategy": "sma_cross",
        "symbols": ["AAPL"],
        "parameterRanges": {
            "fast": [5, 6, 7],
            "slow": [20, 50],
            "stop_loss": {"start": 0.1, "stop": 0.2, "step": 0.1},
        },
        "startDate": "2001-02-03",
        "initialCapital": 5,
        "sortBy": None,
    }


def test_a_query_is_spelled_as_on_the_wire():
    query = {"min_sharpe": 1, "max.maxDrawdown": -0.1, "page_size": 5, "symbol": None}
    assert query_string(query) == {"minSharpe": "1", "max.maxDrawdown": "-0.1", "pageSize": "5"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (ID, None),
        (ID.replace("-", ""), None),
        (f"http://host:8000/batches/{ID}/", "http://host:8000"),
        (f"host/batches/{ID}/results/3/", "http://host"),
        (f"https://host/some/prefix/api/backtest/batch/{ID}/results.csv", "https://host/some/prefix"),
        (f"wss://host/ws/backtest/batch/{ID}/", "https://host"),
        (f"http://host/api/backtest/batch/stream?sessionId={ID}", "http://host"),
    ],
)
def test_a_link_is_split_into_address_and_id(text, address):
    assert split_link(text) == (address, ID)


def test_a_malformed_link_or_address_is_refused(monkeypatch):
    with pytest.raises(ClientError, match="by its id or a link to it, got 'nonsense'"):
        split_link("nonsense")
    with pytest.raises(ClientError, match=r"must look like http://host or https://host, got 'ftp://host'"):
        server_address("ftp://host")
    monkeypatch.setenv("BACKTESTER_URL", "https://host/prefix/")
    assert server_address(None) == "https://host/prefix"


def test_a_download_that_breaks_leaves_no_file(tmp_path):
    def broken():
        yield b"index,symbol\n"
        raise CUT

    with pytest.raises(Unreachable):
        client(Server(httpx.Response(200, content=broken()))).batch(ID).download(tmp_path / "results.csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ClientError, match=r"must end in \.csv, \.parquet or \.json, got 'results\.xlsx'"):
        client(Server()).batch(ID).download(tmp_path / "results.xlsx")


def test_results_are_asked_for_again_while_the_server_is_unavailable():
    table = io.BytesIO()
    pd.DataFrame({"index": [0]}).to_parquet(table)
    server = Server(CUT, httpx.Response(503), httpx.Response(200, content=table.getvalue()))
    assert list(client(server).batch(ID).results()["index"]) == [0]
    with pytest.raises(Unreachable, match="does not answer: cut"):
        client(Server(CUT, CUT, CUT)).batch(ID).results()


def test_the_verdict_is_waited_for(monkeypatch):
    monkeypatch.setattr("backtester.client.watching.POLL_S", 0.0)
    answers = [httpx.Response(200, json={"status": status, "sentence": None}) for status in ("waiting", "running")]
    server = Server(*answers, httpx.Response(200, json={"status": "ready", "sentence": "Weak."}))
    assert client(server).batch(ID).verdict()["sentence"] == "Weak."
    assert {request.url.path for request in server.requests} == {f"/api/backtest/batch/{ID}/verdict"}
    waiting = Server(httpx.Response(200, json={"status": "waiting"}))
    assert client(waiting).batch(ID).verdict(wait=False)["status"] == "waiting"


def test_a_verdict_with_options_is_computed_and_the_locked_days_are_spent_once():
    server = Server(
        httpx.Response(202, json={"status": "waiting"}), httpx.Response(200, json={"index": 3, "notes": []})
    )
    batch = client(server).batch(ID)
    assert batch.verdict(wait=False, shuffles=9, shuffle_block=20)["status"] == "waiting"
    assert batch.spend_holdout(3)["index"] == 3
    sent = [(request.method, request.url.path, json.loads(request.content)) for request in server.requests]
    assert sent == [
        ("POST", f"/api/backtest/batch/{ID}/verdict", {"shuffles": 9, "shuffleBlock": 20}),
        ("POST", f"/api/backtest/batch/{ID}/holdout", {"index": 3}),
    ]
    with pytest.raises(Unreachable, match="cut"):
        client(Server(CUT)).batch(ID).spend_holdout(3)


def test_the_ledger_and_the_locked_days_are_read():
    server = Server(httpx.Response(200, json={"trials": 7}), httpx.Response(200, json={"status": "locked"}))
    one = client(server)
    assert one.ledger("BRK B")["trials"] == 7
    assert one.batch(ID).holdout()["status"] == "locked"
    assert server.requests[0].url.params["symbol"] == "BRK B"
