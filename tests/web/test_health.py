"""The health pages name what they checked: each part fails once."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from batches.ops import heartbeats

PARTS = ["database", "migrations", "redis", "worker", "watchdog"]


@pytest.fixture
def all_parts(db, real_redis):
    heartbeats.announce(heartbeats.WORKER, processes=2)
    heartbeats.announce(heartbeats.WATCHDOG)
    return real_redis


def get(client, path="/readyz"):
    response = client.get(path)
    return response.status_code, response.json()


def missing(answer):
    return [part for part in PARTS if not answer[part]]


def test_ready_when_every_part_is_there(client, all_parts):
    assert get(client) == (200, {"ok": True} | dict.fromkeys(PARTS, True))
    assert get(client, "/healthz") == (200, {"ok": True, "database": True, "redis": True})


@pytest.mark.parametrize("role", [heartbeats.WORKER, heartbeats.WATCHDOG])
def test_not_ready_without_a_fresh_heartbeat_of_a_role(client, all_parts, role):
    (key,) = all_parts.keys(f"*:present:{role}:*")
    assert 0 < all_parts.ttl(key) <= heartbeats.TTL_S
    all_parts.delete(key)
    status, answer = get(client)
    assert (status, answer["ok"], missing(answer)) == (503, False, [role])
    assert get(client, "/healthz")[0] == 200, "a restart of the server would not bring it back"


def test_not_ready_without_redis_but_alive(client, db):
    status, answer = get(client)
    assert (status, missing(answer)) == (503, ["redis", "worker", "watchdog"])
    assert get(client, "/healthz") == (200, {"ok": True, "database": True, "redis": False})


def test_not_ready_while_a_migration_is_missing(client, all_parts):
    MigrationRecorder(connection).record_unapplied("batches", "0001_initial")
    status, answer = get(client)
    assert (status, missing(answer)) == (503, ["migrations"])


def test_ready_while_the_next_version_has_migrated_already(client, all_parts):
    MigrationRecorder(connection).record_applied("batches", "9999_of_the_next_version")
    assert get(client)[0] == 200


def test_neither_alive_nor_ready_without_the_database(client, all_parts, monkeypatch):
    def fail(*_):
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", fail)
        status, answer = get(client)
        assert (status, missing(answer)) == (503, ["database", "migrations"])
        assert get(client, "/healthz") == (503, {"ok": False, "database": False, "redis": True})
