"""Personal mode: nobody logs in, so nobody from elsewhere may come."""

import os
import subprocess
import sys

import pytest
from django.test import Client

from backtester.web.origins import is_near, is_welcome
from tests.support.stack_process import ROOT

STARTS = "import backtester.settings as s; print(s.ACCESS_MODE)"


@pytest.fixture(autouse=True)
def _personal(settings, _team):
    settings.ACCESS_MODE = "personal"


def started(tmp_path, **environment):
    """(exit code, last line) of a start with these settings."""
    given = os.environ | {"DATA_DIR": str(tmp_path)} | environment
    done = subprocess.run([sys.executable, "-c", STARTS], cwd=ROOT, env=given, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize(
    "environment",
    [
        {"HOST": "0.0.0.0"},
        {"HOST": "192.168.1.7"},
        {"ALLOWED_HOSTS": "localhost,backtester.example"},
        {"ALLOWED_HOSTS": "*"},
    ],
)
def test_what_others_can_reach_does_not_start_without_a_login(tmp_path, environment):
    code, words = started(tmp_path, **environment)
    assert code == 1
    assert "ACCESS_MODE=personal asks nobody to log in" in words
    assert started(tmp_path, **environment, TRUST_NETWORK="true") == (0, "personal")
    assert started(tmp_path, **environment, ACCESS_MODE="team") == (0, "team")


def test_a_mode_that_does_not_exist_does_not_start(tmp_path):
    assert "personal or team is wanted" in started(tmp_path, ACCESS_MODE="open")[1]


def test_names_of_this_machine_start(tmp_path):
    assert started(tmp_path, HOST="127.0.0.1", ALLOWED_HOSTS="localhost,127.0.0.1,[::1],app.localhost")[0] == 0


@pytest.mark.parametrize("address", ["10.0.0.9", "192.168.1.7", "2001:db8::1", "::ffff:10.0.0.9", "nonsense"])
def test_a_client_on_another_machine_is_refused_whatever_host_it_names(address, db, settings):
    far = Client(headers={"Host": "localhost"})
    assert far.get("/api/strategies", REMOTE_ADDR=address).status_code == 403
    assert far.get("/", REMOTE_ADDR=address).status_code == 403
    assert not is_welcome({"headers": [(b"host", b"localhost")], "client": (address, 5)})
    settings.TRUST_NETWORK = True
    assert far.get("/api/strategies", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_is_let_in(address):
    assert is_near(address)


def test_nobody_has_to_log_in_and_nothing_belongs_to_anyone(client, finished):
    page = client.get(f"/batches/{finished.pk}/").content.decode()
    assert "Account" not in page
    assert finished.owner is None
    assert "sessionid" not in client.cookies
