"""A database file that is gone is reported, and no empty one takes its place."""

import httpx
import pytest

pytestmark = [pytest.mark.stack]
SUFFIXES = ("", "-wal", "-shm")


@pytest.fixture
def without_database(stack):
    """without_database(): move the files of the shared stack away; they come back at the end."""
    database = stack.data_dir / "db.sqlite3"
    moved = [(database.with_name(f"db.sqlite3{suffix}"), stack.data_dir / f"moved{suffix}") for suffix in SUFFIXES]

    def move():
        for path, aside in moved:
            if path.exists():
                path.rename(aside)
        return database

    yield move
    for path, aside in moved:
        path.unlink(missing_ok=True)
        if aside.exists():
            aside.rename(path)


def health(stack):
    answer = httpx.get(f"{stack.url}/healthz", timeout=60)
    return answer.status_code, answer.json()["database"]


def test_a_lost_or_empty_database_is_unhealthy_and_never_created(stack, without_database):
    assert health(stack) == (200, True)
    database = without_database()
    assert health(stack) == (503, False)
    assert httpx.get(f"{stack.url}/api/strategies", timeout=60).status_code == 200, "needs no database"
    assert httpx.get(f"{stack.url}/api/instruments", timeout=60).status_code == 503
    assert not database.exists()
    database.touch()
    assert health(stack) == (503, False)
