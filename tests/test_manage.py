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
        ("DATABASE_URL", "nonsense", "DATABASE_URL must start with postgres:// or sqlite:///, got 'nonsense'."),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 50 characters, got 5."),
        ("DATA_DIR", "/dev/null/data", "DATA_DIR cannot be created: /dev/null/data: Not a directory."),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path, name, value, words):
    environment = os.environ | {"DATA_DIR": str(tmp_path), name: value}
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {words}\n")


def test_the_database_may_be_in_a_folder_with_any_name(tmp_path):
    folder = tmp_path / "a b+c#d%20"
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | {"DATA_DIR": str(folder), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "db.sqlite3").stat().st_size > 0
