"""The only contact with the inside of the site: a small market, work in this process, and people."""

import contextlib
from types import SimpleNamespace
from unittest import mock
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group, User
from django.db import OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from backtester.accounts.roles import create_missing_roles
from backtester.accounts.tokens import create_token
from backtester.asgi import application
from batches.live import hub
from batches.models import BatchSession, Instrument
from batches.running import attempts, lifecycle, recording, worker
from tests.support import jobs, market

POLL_S = 0.02
FAST = 1e8  # bars times combinations a second


def in_thread(function):
    """Run a function in a thread of its own: the one that is shared may be held by a request that waits."""

    def with_connection(*given):
        try:
            return function(*given)
        finally:
            connection.close()

    return sync_to_async(with_connection, thread_sensitive=False)


@contextlib.contextmanager
def steady():
    """Poll often, and remove what depends on earlier tests and on the machine.

    Kernels count as warm: no compilation is announced, or ends a claim. A machine under load would compute a small
    batch in more turns, of which each raises the sequence.
    """
    with (
        mock.patch.object(worker, "is_warm", return_value=True),
        mock.patch.object(attempts, "LONGEST_CLAIM_S", 60.0),
        mock.patch.object(recording, "_rate", return_value=FAST),
        mock.patch.object(hub, "POLL_S", POLL_S),
    ):
        yield


def prices_csv():
    """Return the bars of the made-up market as one long CSV file."""
    lines = ["symbol,date,close"]
    for symbol in market.BARS:
        pairs = zip(market.days(symbol), market.closes(symbol), strict=True)
        lines += [f"{symbol},{day},{close}" for day, close in pairs]
    return "\n".join(lines) + "\n"


@in_thread
def set_manual_beta(symbol, beta):
    Instrument.objects.filter(symbol=symbol).update(manual_beta=beta)


@in_thread
def work_some(session_id, chunks):
    """Compute some chunks; return the sequence of the batch afterwards."""
    return jobs.work_some(_named(session_id), chunks).sequence


@in_thread
def finish(session_id):
    return jobs.finish(_named(session_id)).status


@in_thread
def expire(session_id):
    """End a batch as the watchdog does when its deadline has passed."""
    now = timezone.now()
    BatchSession.objects.filter(pk=session_id).update(deadline_at=now)
    assert lifecycle.expire(BatchSession.objects.get(pk=session_id), now)


@in_thread
def cancel(session_id):
    assert lifecycle.cancel(session_id, timezone.now())


@in_thread
def exists(session_id):
    return BatchSession.objects.filter(pk=session_id).exists()


@in_thread
def forget(session_id):
    """Remove the row of a batch, whatever its state."""
    BatchSession.objects.filter(pk=session_id).delete()


@in_thread
def people_with_tokens():
    """Return {name: token} of two traders, a viewer, an operator and somebody without a role."""
    create_missing_roles()
    roles = {"ann": "Traders", "bob": "Traders", "vic": "Viewers", "olga": "Operators", "eve": None}
    tokens = {}
    for name, role in roles.items():
        person = User.objects.create_user(name)
        if role:
            person.groups.add(Group.objects.get(name=role))
        tokens[name] = create_token(person, "script")[1]
    return tokens


def broken_database(words):
    """Let every query fail with these words."""
    return mock.patch.object(CursorWrapper, "execute", mock.Mock(side_effect=OperationalError(words)))


def broken_program():
    """Let every query fail with an error that nobody expects."""
    return mock.patch.object(CursorWrapper, "execute", mock.Mock(side_effect=RuntimeError("a bug")))


def websocket(path, *, origin=None, host="localhost", token=None):
    headers = [(b"host", host.encode())]
    headers += [(b"origin", origin.encode())] if origin else []
    headers += [(b"authorization", f"Bearer {token}".encode())] if token else []
    return WebsocketCommunicator(application, path, headers=headers)


def _named(session_id):
    return SimpleNamespace(pk=UUID(str(session_id)))
