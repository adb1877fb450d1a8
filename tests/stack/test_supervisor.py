"""The supervisor on small stand-ins: parts that die at once, that will not go, that leave children behind."""

import dataclasses
import errno
import os
import signal
import sys
import threading
from functools import partial

import pytest

from backtester.stack import console, process, redis_server, supervisor
from backtester.stack.process import Part
from backtester.stack.stop_signals import StopSignals
from backtester.stack.supervisor import Supervisor
from tests.support.stack_process import is_running, until


@pytest.fixture
def supervising():
    """A supervisor; its parts are gone at the end, whatever the test did."""
    with StopSignals() as signals:
        made = Supervisor(signals, on_change=lambda pids: None)
        yield made
        for child in made.children:
            if child.process is not None:
                supervisor.kill_group(child.process)
                child.process.wait()


@pytest.fixture
def python(tmp_path):
    """python(name, code): a part that runs this code."""
    return lambda name, code: Part(name, [sys.executable, "-c", code], dict(os.environ), tmp_path / f"{name}.log")


def has_said(part, line):
    """Whether the log has this line whole: unbuffered, Python writes the end of a line by itself, later."""
    return part.log.exists() and f"{line}\n" in part.log.read_text()


def test_a_part_that_dies_at_once_is_tried_ever_less_often(supervising, python, capsys, monkeypatch):
    monkeypatch.setattr(supervisor, "BACK_OFF_S", (0.0, 0.01, 0.02))
    supervising.add(python("broken", "import sys; sys.exit('no such thing')"))
    until(lambda: supervising.tick() and supervising.children[0].deaths_in_a_row >= 4, "four deaths", seconds=20)
    told = capsys.readouterr().out
    delays = [line.split("again in ")[1].split(" s")[0] for line in told.splitlines() if "again in" in line]
    assert delays[:4] == ["0", "0.01", "0.02", "0.02"]
    assert "broken ended (exit code 1)" in told
    assert "last line: no such thing" in told


def test_a_part_that_ran_long_before_it_died_starts_again_without_delay(supervising, python, monkeypatch):
    monkeypatch.setattr(supervisor, "STEADY_S", 0.0)
    supervising.add(python("steady", "pass"))
    child = supervising.children[0]
    child.deaths_in_a_row = 5
    until(lambda: supervising.tick() and child.deaths_in_a_row == 1, "the count to begin anew", seconds=10)


def test_a_part_that_will_not_go_is_killed(supervising, python, monkeypatch):
    monkeypatch.setattr(
        supervisor, "STOP_SEQUENCE", ((signal.SIGTERM, 0.1), (signal.SIGQUIT, 0.1), (signal.SIGKILL, 5.0))
    )
    stubborn = python(
        "stubborn",
        "import signal, time\n"
        "for number in (signal.SIGTERM, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1)",
    )
    supervising.add(stubborn)
    until(lambda: has_said(stubborn, "up"), "the part", seconds=10)
    supervising.stop()
    assert supervising.children[0].process.returncode == -signal.SIGKILL


def test_the_log_of_a_part_is_turned_over_while_it_runs(supervising, python, monkeypatch):
    monkeypatch.setattr(process, "LOG_MAX_BYTES", 10_000)
    talkative = python("talkative", "import time\nwhile True: print('x' * 5_000, flush=True); time.sleep(0.001)")
    supervising.add(talkative)
    older = talkative.log.with_suffix(".log.1")
    until(lambda: supervising.tick() and older.exists(), "the first turn", seconds=20)
    supervising.tick()
    until(lambda: talkative.log.stat().st_size > 0, "the part to go on writing", seconds=20)
    assert older.stat().st_size == 10_000
    assert supervising.children[0].process.poll() is None


def test_redis_goes_last(supervising, python):
    waits = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print(time.monotonic(), flush=True), sys.exit()))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1)"
    )
    redis, worker = python("redis", waits), python("worker", waits)
    for part in (redis, worker):
        supervising.add(part)
        until(partial(has_said, part, "up"), "the part", seconds=10)
    supervising.stop()
    ended = {part.name: float(part.log.read_text().split()[-1]) for part in (redis, worker)}
    assert ended["worker"] < ended["redis"]


def test_what_a_dead_part_had_started_ends_with_it(supervising, python):
    parent = python(
        "parent",
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)",
    )
    supervising.add(parent)
    until(lambda: has_said(parent, ""), "the grandchild", seconds=10)
    grandchild = int(parent.log.read_text())
    supervising.children[0].process.kill()
    supervising.children[0].process.wait()
    supervising.tick()
    until(lambda: not is_running(grandchild), "the grandchild to go", seconds=5)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


LIVES = "import time; print('up', flush=True); time.sleep(600)"
STEPS = {
    "the start of a part": "backtester.stack.supervisor.start",
    "the children of a dead part": "backtester.stack.supervisor.kill_group",
    "its last line": "backtester.stack.supervisor.last_line",
    "the reason of its death": "backtester.stack.supervisor.exit_reason",
    "the folder of its log": "pathlib.Path.mkdir",
    "the size of its log": "pathlib.Path.stat",
    "its log": "pathlib.Path.open",
    "a line on the terminal": "builtins.print",
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_an_error_in_any_step_ends_no_other_part(supervising, python, monkeypatch, step):
    monkeypatch.setattr(supervisor, "BACK_OFF_S", (0.0,))
    for name in ("web", "worker"):
        supervising.add(python(name, LIVES))
    web, worker = supervising.children
    until(lambda: has_said(web.part, "up") and has_said(worker.part, "up"), "the parts", seconds=10)
    with monkeypatch.context() as patch:
        patch.setattr(step, full)
        worker.process.kill()
        worker.process.wait()
        for _ in range(3):
            supervising.tick()
    until(lambda: supervising.tick() and worker.process and worker.process.poll() is None, "the worker", seconds=10)
    assert web.process.poll() is None
    with monkeypatch.context() as patch:
        patch.setattr(step, full)
        supervising.stop()


def test_a_list_of_parts_that_cannot_be_written_is_written_later(supervising, python, capsys):
    written = []
    supervising.on_change = full
    supervising.add(python("web", LIVES))
    supervising.tick()
    supervising.on_change = written.append
    supervising.tick()
    supervising.tick()
    assert written == [supervising.pids()]
    assert capsys.readouterr().out.count("No space left") == 1


def test_a_part_whose_log_cannot_be_opened_runs_without_it(supervising, python, tmp_path, capsys):
    part = dataclasses.replace(python("web", LIVES), log=tmp_path / "file" / "web.log")
    (tmp_path / "file").touch()
    supervising.add(part)
    assert supervising.children[0].process.poll() is None
    assert f"{part.log} cannot be written (File exists); the output is discarded" in capsys.readouterr().out


def test_a_signal_ends_a_wait_at_once_and_is_counted():
    with StopSignals() as signals:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        signals.wait(3_600)  # the limit of every test is shorter
        assert signals.count == 1


def test_the_end_of_a_child_ends_a_wait(supervising, python):
    supervising.add(python("brief", "pass"))
    supervising.signals.wait(3_600)
    assert supervising.children[0].process.poll() is not None


def test_a_terminal_that_went_away_is_no_reason_to_stop(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        console.say("nobody hears this")
        assert sys.stdout is not gone
        sys.stdout.close()
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())  # what is still buffered must go somewhere


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://user:pass@host:6380/1", "rediss://…@host:6380/1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_a_shown_address_has_no_password(url, shown):
    assert redis_server.without_password(url) == shown


@pytest.mark.parametrize("name", ["x" * 120, "a folder", "a+b", "ü"])
def test_a_socket_is_put_elsewhere_when_its_path_would_not_do(tmp_path, name):
    folder = redis_server.socket_path(tmp_path / name).parent
    assert folder != tmp_path / name
    assert folder.stat().st_mode & 0o077 == 0
    folder.rmdir()


def test_a_server_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    old = tmp_path / "valkey-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=0 malloc=libc bits=64'\n")
    new = tmp_path / "redis-server"
    new.write_text("#!/bin/sh\necho 'Redis server v=7.0.15 sha=0 malloc=libc bits=64'\n")
    for server in (old, new):
        server.chmod(0o755)
    monkeypatch.setattr(redis_server, "_from_wheel", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_server() == str(new)
    new.unlink()
    with pytest.raises(redis_server.StackError, match="REDIS_URL"):
        redis_server.find_server()
