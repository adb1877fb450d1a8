"""A start that fails says in one sentence what is in the way."""

import errno
from pathlib import Path

import pytest

from backtester.stack import startup
from backtester.stack.errors import exit_on_error


def refusal(data_dir):
    """What `manage.py runstack` prints."""
    options = startup.Options(
        data_dir=data_dir, numba_cache_dir=data_dir / "numba", host="127.0.0.1", port=0, workers=1, redis_url=None
    )
    with pytest.raises(SystemExit) as ended, exit_on_error():
        startup.run(options)
    return ended.value.code


@pytest.mark.parametrize(
    ("taken_by_a_file", "reason"),
    [("run", "File exists"), ("run/counters", "File exists"), ("run/stack.lock/x", "Is a directory")],
)
def test_a_data_folder_that_cannot_be_used_is_one_sentence(tmp_path, settings, taken_by_a_file, reason):
    settings.DATA_DIR = tmp_path
    obstacle = tmp_path / taken_by_a_file
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.touch()
    place = obstacle.parent if obstacle.name == "x" else obstacle
    assert refusal(tmp_path) == f"error: Cannot start: {place}: {reason}."


@pytest.mark.parametrize("call", ["chmod", "mkdir", "open", "touch"])
def test_a_read_only_data_folder_is_one_sentence(tmp_path, settings, monkeypatch, call):
    def read_only(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(Path, call, read_only)
    monkeypatch.setattr(startup._Stack, "_prepare", lambda _: read_only(tmp_path))
    assert refusal(tmp_path).endswith(": Read-only file system.")
