"""The two health pages say what they have checked: each part is broken once."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from batches.ops import heartbeats

PARTS = ["database", "migrations", "redis", "worker", "watchdog"]


@pytest.fixture
def everything(db, real_redis):
    """All parts that a batch needs."""
    heartbeats.announce(heartbeats.WORKER, processes=2)
    heartbeats.announce(heartbeats.WATCHDOG)
    return real_redis


def asked(client, path="/readyz"):
    response = client.get(path)
    return response.status_code, response.json()


def missing(told):
    return [part for part in PARTS if not told[part]]


def test_ready_when_every_part_is_there(client, everything):
    assert asked(client) == (200, {"ok": True} | dict.fromkeys(PARTS, True))
    assert asked(client, "/healthz") == (200, {"ok": True, "database": True, "redis": True})


@pytest.mark.parametrize("role", [heartbeats.WORKER, heartbeats.WATCHDOG])
def test_not_ready_when_nobody_of_a_kind_was_seen_lately(client, everything, role):
    (key,) = everything.keys(f"*:present:{role}:*")
    assert 0 < everything.ttl(key) <= heartbeats.TTL_S
    everything.delete(key)
    status, told = asked(client)
    assert (status, told["ok"], missing(told)) == (503, False, [role])
    assert asked(client, "/healthz")[0] == 200, "a restart of the server would not bring it back"


def test_not_ready_without_redis_but_alive(client, db):
    status, told = asked(client)
    assert (status, missing(told)) == (503, ["redis", "worker", "watchdog"])
    assert asked(client, "/healthz") == (200, {"ok": True, "database": True, "redis": False})


def test_not_ready_while_a_migration_is_missing(client, everything):
    MigrationRecorder(connection).record_unapplied("batches", "0001_initial")
    status, told = asked(client)
    assert (status, missing(told)) == (503, ["migrations"])


def test_ready_while_the_next_version_has_migrated_already(client, everything):
    MigrationRecorder(connection).record_applied("batches", "9999_of_the_next_version")
    assert asked(client)[0] == 200


def test_neither_alive_nor_ready_without_the_database(client, everything, monkeypatch):
    def gone(*_):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", gone)
        status, told = asked(client)
        assert (status, missing(told)) == (503, ["database", "migrations"])
        assert asked(client, "/healthz") == (503, {"ok": False, "database": False, "redis": True})
