"""Tokens where people sign in: by every transport, and from the terminal of another machine."""

import json
import subprocess
import sys

import pytest

from backtester.client import Client, NotFound, NotSignedIn
from backtester.client.watching import LADDER
from tests.stack_process import ROOT, StackProcess

pytestmark = pytest.mark.stack
TWO_TRADERS = """
from django.contrib.auth.models import Group, User
from backtester.people.tokens import issue
for name in ("ann", "bob"):
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name="Traders"))
    print(issue(user, "script")[1])
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
def team(tmp_path_factory):
    """A stack where people sign in."""
    running = StackProcess(tmp_path_factory.mktemp("team"), ACCESS_MODE="team")
    try:
        yield running.start().wait_until_ready()
    finally:
        running.end()


def test_a_token_opens_what_is_its_owners_and_nothing_else(team, monkeypatch, tmp_path):
    ann, bob = manage("shell", "-v0", "-c", TWO_TRADERS, **team.environment).stdout.split()
    with Client(team.url, token=ann) as hers, Client(team.url, token=bob) as his, Client(team.url) as nobodys:
        batch = hers.start("sma_cross", ["AAPL"], {"fast": [5, 10]})
        for transport in LADDER:
            monkeypatch.setattr("backtester.client.watching.LADDER", (transport,) * 3)
            assert batch.wait().status == "complete"
            with pytest.raises(NotFound):
                his.batch(batch.id).wait()
            with pytest.raises(NotSignedIn):
                nobodys.batch(batch.id).wait()
        with pytest.raises(NotFound):
            his.batch(batch.id).results()
        assert len(batch.results()) == 2
    elsewhere = team.environment | {"DATA_DIR": str(tmp_path)}
    done = manage("watch_batch", batch.page_url, **elsewhere, BACKTESTER_TOKEN=ann)
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "complete"
    done = manage("watch_batch", batch.page_url, **elsewhere)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Log in, or send the token")
