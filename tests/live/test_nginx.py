"""Behind the real nginx: the shipped configuration works, the doctor names what is wrong in others."""

import io
import time

import httpx
import pytest
from django.core.management import CommandError, call_command

from tests.live.conftest import servers
from tests.live.nginx import nginx
from tests.live.recorders import read_socket, read_stream, until, watching
from tests.support.promised import promised

pytestmark = pytest.mark.stack
STREAM_BLOCK = r"location = /api/backtest/batch/stream \{"


@pytest.fixture(scope="module")
def upstream(tmp_path_factory, sample):
    """A server, host:port. Without workers: an event of theirs would flush the buffer of a proxy."""
    with servers(tmp_path_factory, sample) as start:
        host, port = start().address
        yield f"{host}:{port}"


@pytest.fixture(autouse=True)
def _without_files(monkeypatch):
    """The doctor would examine the files of this checkout, not those of the server."""
    monkeypatch.setattr("backtester.management.commands.doctor.readable_files", lambda *_: [])


def doctor(url: str, seconds: float = 2) -> str:
    """What it prints, with FAILED when something is wrong."""
    output = io.StringIO()
    try:
        call_command("doctor", url=url, seconds=seconds, stdout=output)
    except CommandError as error:
        output.write(f"FAILED: {error}")
    return output.getvalue()


async def test_every_transport_works_behind_the_shipped_configuration(serving, tmp_path):
    session_id = serving.batch()
    with nginx(tmp_path, f"{serving.address[0]}:{serving.address[1]}") as url:
        socket_url = serving.socket_url(session_id).replace(
            serving.url.replace("http", "ws"), url.replace("http", "ws")
        )
        stream_url = serving.stream_url(session_id).replace(serving.url, url)
        async with watching(read_socket, socket_url) as by_socket, watching(read_stream, stream_url) as by_stream:
            for done in range(1, 4):
                began = time.monotonic()
                serving.step(session_id, successful=done)
                for seen in (by_socket, by_stream):
                    await until(lambda: seen.events[-1]["current"] == done, "a step")  # noqa: B023
                assert time.monotonic() - began < promised(2), "something holds events back"
            serving.finish(session_id)
            await until(lambda: by_socket.task.done() and by_stream.task.done(), "the end")
        assert by_socket.events[1:] == by_stream.events[1:]
        assert (by_socket.kinds[-1], by_socket.code) == ("complete", 1000)
        assert httpx.get(f"{url}/api/backtest/batch/{session_id}").json()["type"] == "complete"
        answer = httpx.get(stream_url, headers={"Last-Event-ID": str(by_stream.sequences[-1])})
        assert answer.status_code == 204
        script = httpx.get(f"{url}/static/batches/live-feed.js")
        assert (script.status_code, script.text) == (200, httpx.get(f"{serving.url}/static/batches/live-feed.js").text)
        await until(lambda: serving.open_streams() == 0, "the streams to be freed")


def test_behind_the_shipped_configuration_each_client_is_known_by_its_own_address(start_server, tmp_path):
    served = start_server(TRUSTED_PROXIES="127.0.0.1", WRITES_PER_MINUTE="1")
    with nginx(tmp_path, f"{served.address[0]}:{served.address[1]}") as url:

        def post(address: str, **told: str) -> int:
            with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
                return client.post(f"{url}/api/backtest/batch", content="x", headers=told).status_code

        assert [post("127.0.0.2"), post("127.0.0.3")] == [415, 415]
        assert [post("127.0.0.2"), post("127.0.0.2", **{"X-Forwarded-For": "127.0.0.9"})] == [429, 429]


def test_the_doctor_finds_nothing_wrong_with_the_shipped_configuration(upstream, tmp_path):
    before = httpx.get(f"http://{upstream}/batches/").text.count("data-session")
    assert "All is well." in doctor(f"http://{upstream}")
    with nginx(tmp_path, upstream) as url:
        assert "All is well." in doctor(url, 6)  # the first heartbeat comes after four
    assert httpx.get(f"http://{upstream}/batches/").text.count("data-session") == before, "it leaves nothing behind"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            # Chunks of HTTP/1.1 pass the buffer of nginx, except those that cross its end.
            {
                STREAM_BLOCK: "location = /api/backtest/batch/stream { proxy_http_version 1.0;",
                r"proxy_buffering off;": "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
            },
            "do not ignore X-Accel-Buffering",
            id="buffering",
        ),
        pytest.param(
            {r"proxy_read_timeout 60s;": "proxy_read_timeout 3s;"},
            "was closed after",
            id="idle timeout",
            marks=pytest.mark.long,
        ),
        pytest.param(
            {r"proxy_set_header Host \$http_host;": "proxy_set_header Host 127.0.0.1;"},
            "proxy_set_header Host $http_host",
            id="another host",
            marks=pytest.mark.long,
        ),
        pytest.param({r"proxy_set_header Upgrade \$http_upgrade;": ""}, "a proxy drops the upgrade", id="no upgrade"),
        pytest.param(
            {r"(proxy_set_header Upgrade .*;)": r'\1 proxy_set_header Origin "";'},
            "the proxy replaces the Origin header",
            id="origin removed",
            marks=pytest.mark.long,
        ),
        pytest.param(
            {r"server [\d.]+:\d+;": "server 127.0.0.1:1;"},
            "it does not reach the backtester",
            id="nobody there",
            marks=pytest.mark.long,
        ),
        pytest.param(
            {r"location / \{": "location /static/ { return 404; }\n location / {"},
            "Static files",
            id="no static",
            marks=pytest.mark.long,
        ),
    ],
)
@pytest.mark.extended
def test_the_doctor_names_what_is_wrong(upstream, tmp_path, changes, words):
    with nginx(tmp_path, upstream, changes) as url:
        output = doctor(url, 4)  # longer than the timeout of the bad configuration
    assert words in output
    assert "FAILED" in output


def test_the_doctor_says_when_nobody_answers_or_the_address_is_none():
    assert "Nothing answers at http://127.0.0.1:1" in doctor("http://127.0.0.1:1")
    assert "must be http://name or https://name, got 'ftp://somewhere'" in doctor("ftp://somewhere")
