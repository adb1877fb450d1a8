"""The built image runs every part of compose.yaml, read-only and without rights, and a batch is complete and exact."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.image.conftest import PORT
from tests.image.containers import CLOSED
from tests.stack.clients import SHARES, body
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
PARTS = ("web", "worker", "watchdog")
RANGES = {"fast": {"start": 2, "stop": 51, "step": 1}, "slow": {"start": 55, "stop": 254, "step": 1}}
SAMPLE = "backtester/sample_data/sp500_20_close.csv.gz"


@pytest.fixture(scope="module")
def client(containers):
    """An account that the shipped commands create, with the sample prices. nginx would send the header of https."""
    for name in PARTS:
        containers[name].wait_until_healthy()
    web = containers["web"]
    create = "from django.contrib.auth.models import User; User.objects.create_superuser('ann', password='a horse')"
    web.manage("shell", "--command", create)
    token = web.manage("create_token", "ann", "--for", "tests").split()[-1]
    web.manage("load_prices", "--group", "Sample", SAMPLE)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=f"http://localhost:{PORT}", headers=headers, timeout=60) as connection:
        yield connection


def start_batch(client, **changes):
    answer = client.post("/api/backtest/batch", json=body(**changes))
    assert answer.status_code == 202, answer.text
    return answer.json()["sessionId"]


def state(client, session_id):
    return client.get(f"/api/backtest/batch/{session_id}").json()


def check_complete(client, session_id, total):
    until(lambda: state(client, session_id)["type"] in {"complete", "error"}, "the batch", seconds=180)
    event = state(client, session_id)
    assert (event["type"], event["results"]["successfulRuns"]) == ("complete", total), event
    rows = client.get(f"/api/backtest/batch/{session_id}/results.csv").text.splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == list(range(total))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_runs_as_the_user_of_the_image_without_capabilities(client, containers, image, name):
    lines = Path(f"/proc/{containers[name].first_process()}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert status["Uid"].split() == status["Gid"].split() == ["10001"] * 4 == [image.user] * 4
    assert {field: int(status[field], 16) for field in CLOSED} == CLOSED


@pytest.mark.parametrize("path", ["/app/x", "/venv/x", "/home/backtester/x", "/x"])
def test_the_root_cannot_be_written(containers, path):
    assert "Read-only" in containers["web"].execute("sh", "-c", f"echo >{path}").stderr


def test_a_batch_is_complete(client):
    assert {row["symbol"] for row in client.get("/api/instruments").json()["instruments"]} >= set(SHARES)
    check_complete(client, start_batch(client), total=5_000)


def test_a_page_has_its_styles(client):
    page = client.get("/login/")
    assert page.status_code == 200
    (style, *_) = [word.split('"')[1] for word in page.text.split() if word.startswith("href=") and ".css" in word]
    assert client.get(style).status_code == 200


def test_the_worker_found_its_kernels_compiled(client, containers, image):
    def files(folder):
        return {str(path.relative_to(folder)) for path in (folder / "numba").rglob("*.nbc")}

    built = files(image.root / "data")
    assert built
    assert files(containers["worker"].folder / "data") == built


def test_a_worker_that_is_killed_and_started_again_loses_nothing(client, containers):
    worker, session_id = containers["worker"], start_batch(client, parameterRanges=RANGES)
    until(lambda: state(client, session_id)["current"] > 5_000, "the first tests")
    worker.stop(signal.SIGKILL)
    assert state(client, session_id)["status"] == "running"
    worker.start()
    check_complete(client, session_id, total=200_000)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_stops_in_time_and_starts_again(client, containers, name):
    container = containers[name]
    assert container.stop() == 0, container.log()[-2000:]
    container.start()
    container.wait_until_healthy()


def test_no_part_has_logged_a_traceback(client, containers):
    for container in containers.values():
        if (container.folder / "log").exists():
            assert "Traceback" not in container.log(), container.log()[-3000:]
