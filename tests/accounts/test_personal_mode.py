"""Personal mode: there is no login, so only this machine has access."""

import os
import subprocess
import sys

import pytest
from django.test import Client

from backtester.web.origins import is_allowed_address, is_allowed_handshake
from tests.support.stack_process import ROOT

STARTS = "import backtester.settings as s; print(s.ACCESS_MODE)"


@pytest.fixture(autouse=True)
def _personal(settings, _team):
    settings.ACCESS_MODE = "personal"


def started(tmp_path, **environment):
    """(exit code, last line) of a start with these settings."""
    settings = os.environ | {"DATA_DIR": str(tmp_path)} | environment
    done = subprocess.run([sys.executable, "-c", STARTS], cwd=ROOT, env=settings, capture_output=True, text=True)
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
def test_an_address_that_others_reach_does_not_start_without_a_login(tmp_path, environment):
    code, words = started(tmp_path, **environment)
    assert code == 1
    assert "ACCESS_MODE=personal has no login" in words
    assert started(tmp_path, **environment, TRUST_NETWORK="true") == (0, "personal")
    assert started(tmp_path, **environment, ACCESS_MODE="team") == (0, "team")


def test_an_unknown_mode_does_not_start(tmp_path):
    assert "ACCESS_MODE must be personal or team, got 'open'" in started(tmp_path, ACCESS_MODE="open")[1]


def test_names_of_this_machine_start(tmp_path):
    assert started(tmp_path, HOST="127.0.0.1", ALLOWED_HOSTS="localhost,127.0.0.1,[::1],app.localhost")[0] == 0


@pytest.mark.parametrize("address", ["10.0.0.9", "192.168.1.7", "2001:db8::1", "::ffff:10.0.0.9", "nonsense"])
def test_a_client_on_another_machine_is_refused_whatever_its_host_header(address, db, settings):
    far = Client(headers={"Host": "localhost"})
    assert far.get("/api/strategies", REMOTE_ADDR=address).status_code == 403
    assert far.get("/", REMOTE_ADDR=address).status_code == 403
    assert not is_allowed_handshake({"headers": [(b"host", b"localhost")], "client": (address, 5)})
    settings.TRUST_NETWORK = True
    assert far.get("/api/strategies", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_has_access(address):
    assert is_allowed_address(address)


def test_there_is_no_login_and_batches_have_no_owner(client, finished):
    page = client.get(f"/batches/{finished.pk}/").content.decode()
    assert "Account" not in page
    assert finished.owner is None
    assert "sessionid" not in client.cookies
