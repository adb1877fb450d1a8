"""A wrong setting stops every command with one sentence that names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "abc", "PORT must be a whole number, got 'abc'."),
        ("CHUNK_LEASE_S", "soon", "CHUNK_LEASE_S must be a number, got 'soon'."),
        ("REDIS_URL", "localhost", "REDIS_URL must start with redis://, rediss:// or unix://, got 'localhost'."),
        ("REDIS_URL", "redis://localhost:99999", "REDIS_URL cannot be read: Port out of range 0-65535."),
        ("DATABASE_URL", "nonsense", "DATABASE_URL must start with postgres:// or sqlite:///, got 'nonsense'."),
        ("DATABASE_URL", "mysql://host/name", "DATABASE_URL must start with postgres:// or sqlite:///, got 'mysql'."),
        ("DATABASE_URL", "postgres://host:99999/x", "DATABASE_URL cannot be read: Port out of range 0-65535."),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 50 characters, got 5."),
        ("DATA_DIR", "/dev/null/data", "DATA_DIR cannot be created: /dev/null/data: Not a directory."),
        ("WORKERS", "-1", "WORKERS must be 0 or more, got -1."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, got 'LOUD'."),
        ("ALLOWED_HOSTS", "", "ALLOWED_HOSTS must name at least one host."),
        (
            "CSRF_TRUSTED_ORIGINS",
            "host",
            "CSRF_TRUSTED_ORIGINS must be origins, such as https://backtester.example, got 'host'.",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path, name, value, words):
    assert refusal(tmp_path, **{name: value}) == words


def refusal(data_dir, **environment):
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"],
        env=os.environ | {"DATA_DIR": str(data_dir)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.removeprefix("error: ").removesuffix("\n")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    assert refusal("/sys").startswith("/sys/secret_key cannot be created or read: ")  # also for root
    (tmp_path / "static").touch()
    assert refusal(tmp_path) == f"static/ in DATA_DIR cannot be created: {tmp_path}/static: File exists."


@pytest.mark.parametrize(("key", "words"), [(b"", "at least 50 characters, got 0"), (b"\xff" * 60, "can be guessed")])
def test_a_damaged_secret_key_is_one_sentence(tmp_path, key, words):
    (tmp_path / "secret_key").write_bytes(key)
    assert f"{tmp_path}/secret_key must " in (sentence := refusal(tmp_path))
    assert words in sentence
    assert "\n" not in sentence


def test_the_first_command_makes_a_private_folder_with_any_name(tmp_path):
    folder = tmp_path / "a b+c#d%20"
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | {"DATA_DIR": str(folder), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
        umask=0o022,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "db.sqlite3").stat().st_size > 0
    paths = [folder, *folder.rglob("*")]
    assert {"db.sqlite3", "secret_key"} <= {path.name for path in paths}
    assert [path for path in paths if path.stat().st_mode & 0o077] == [], "others cannot read them"
