"""What the doctor says of files that other users of this machine can read."""

import pytest
from django.core.management import CommandError, call_command

from backtester.doctor.files import readable_files


@pytest.fixture
def data_dir(tmp_path):
    """As a version that did not care left it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    for name in ("logs", "run"):
        (folder / name).mkdir()
    for name in ("db.sqlite3", "db.sqlite3-wal", "secret_key"):
        (folder / name).touch()
    modes = {"": 0o755, "logs": 0o755, "run": 0o700, "db.sqlite3": 0o644, "db.sqlite3-wal": 0o644, "secret_key": 0o600}
    for name, mode in modes.items():
        (folder / name).chmod(mode)
    return folder


def test_readable_files_are_named_until_their_folder_is_closed(data_dir):
    (finding,) = readable_files(data_dir, data_dir / "db.sqlite3")
    assert f"can read logs, db.sqlite3, db.sqlite3-wal in {data_dir}: chmod 700 {data_dir}" in finding
    assert "can read logs in" in readable_files(data_dir, None)[0]
    data_dir.chmod(0o700)
    assert readable_files(data_dir, data_dir / "db.sqlite3") == []


def test_a_database_elsewhere_is_examined_too(data_dir, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "elsewhere").chmod(0o755)
    database = tmp_path / "elsewhere" / "mine.sqlite3"
    database.touch()
    database.chmod(0o640)
    data_dir.chmod(0o700)
    (finding,) = readable_files(data_dir, database)
    assert f"mine.sqlite3 in {tmp_path / 'elsewhere'}" in finding


def test_the_doctor_reports_readable_files(data_dir, settings, capsys):
    settings.DATA_DIR = data_dir
    with pytest.raises(CommandError):
        call_command("doctor", url="http://127.0.0.1:1")
    assert f"chmod 700 {data_dir}" in capsys.readouterr().out
