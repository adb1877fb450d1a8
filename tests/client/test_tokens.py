"""Tokens in team mode: on every transport, and in the terminal of another machine."""

import json
import re
import shlex
import subprocess
import sys

import httpx
import pytest

from backtester.client import Client, NotFound, NotSignedIn
from backtester.client.watching import TRANSPORTS
from tests.support.doc_blocks import blocks
from tests.support.stack_process import ROOT, StackProcess
from tests.terminal.pseudo_terminal import PseudoTerminal

pytestmark = pytest.mark.stack
PASSWORD = "a horse that holds"
TWO_TRADERS = """
from django.contrib.auth.models import Group, User
from backtester.accounts.tokens import create_token
for name in ("ann", "bob"):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name="Traders"))
    print(create_token(user, "script")[1])
"""


def manage(*arguments, **environment):
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def team(tmp_path_factory, sample):
    """A stack in team mode."""
    running = StackProcess(tmp_path_factory.mktemp("team"), database=sample, ACCESS_MODE="team")
    try:
        yield running.start().wait_until_ready()
    finally:
        running.end()


@pytest.mark.extended
def test_the_first_account_is_created_as_the_page_says_and_logs_in(team):
    (block,) = blocks("docs/accounts.md", "sh")
    start, create = block.lines
    assert start == "ACCESS_MODE=team make run"  # which `team` is
    python, _, *arguments = shlex.split(create, comments=True)
    assert python == ".venv/bin/python"
    with PseudoTerminal(*arguments, env=team.environment) as terminal:
        for question, answer in {"Username": "root", "Email": "", "Password:": PASSWORD, "again": PASSWORD}.items():
            terminal.expect(question)
            terminal.press(f"{answer}\n".encode())
        assert terminal.end() == 0
    with httpx.Client(base_url=team.url, headers={"Origin": team.url}, follow_redirects=True) as browser:
        login = browser.get("/admin/")
        assert login.url.path == "/login/"
        (secret,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', login.text))
        fields = {"username": "root", "password": PASSWORD, "csrfmiddlewaretoken": secret}
        assert browser.post(login.url, data=fields).url.path == "/admin/"


@pytest.mark.extended
def test_a_token_gives_access_to_the_batches_of_its_owner_only(team, monkeypatch, tmp_path):
    ann, bob = manage("shell", "-v0", "-c", TWO_TRADERS, **team.environment).stdout.split()
    with Client(team.url, token=ann) as client, Client(team.url, token=bob) as bobs, Client(team.url) as anonymous:
        batch = client.start("sma_cross", ["AAPL"], {"fast": [5, 10]})
        for transport in TRANSPORTS:
            monkeypatch.setattr("backtester.client.watching.TRANSPORTS", (transport,) * 3)
            assert batch.wait().status == "complete"
            with pytest.raises(NotFound):
                bobs.batch(batch.id).wait()
            with pytest.raises(NotSignedIn):
                anonymous.batch(batch.id).wait()
        with pytest.raises(NotFound):
            bobs.batch(batch.id).results()
        assert len(batch.results()) == 2
    elsewhere = team.environment | {"DATA_DIR": str(tmp_path)}
    by_link = manage("watch_batch", batch.page_url, **elsewhere, BACKTESTER_TOKEN=ann)
    by_id = manage("watch_batch", batch.id, "--url", team.url, "--token", ann, **elsewhere)
    for done in (by_link, by_id):
        assert json.loads(done.stdout.splitlines()[-1])["type"] == "complete"
    done = manage("watch_batch", batch.page_url, **elsewhere)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Log in, or send the token")


@pytest.mark.extended
def test_the_doctor_asks_for_a_token(team):
    done = manage("doctor", "--url", team.url, "--seconds", "2", **team.environment)
    assert done.returncode == 1
    assert "The site requires a login: pass a token with --token" in done.stdout
