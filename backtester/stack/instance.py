"""One instance for one data folder, and a note of it for others: `DATA_DIR/run/stack.json`."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backtester.stack.errors import StackError


@contextmanager
def only_one(run_dir: Path) -> Iterator[None]:
    """Hold the data folder. The kernel lets go of the lock when we end, however we end."""
    run_dir.mkdir(parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    with (run_dir / "stack.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(_taken(run_dir)) from None
        try:
            yield
        finally:
            note_path(run_dir).unlink(missing_ok=True)


def note_path(run_dir: Path) -> Path:
    """Where the note is."""
    return run_dir / "stack.json"


def running_address(run_dir: Path) -> str | None:
    """Where the instance of this folder answers; None when there is none. StackError while it is still starting."""
    try:
        note = json.loads(note_path(run_dir).read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError):  # no note, or one that an instance left which was killed
        return None
    if not note["ready"]:
        raise StackError(f"The stack at {note['address']} is still starting; try again in a moment.")
    return str(note["address"])


def write_note(run_dir: Path, *, address: str, redis_url: str, ready: bool, parts: Mapping[str, int]) -> None:
    """Replace the note in one step: a reader sees the old one or the new one."""
    note = {"pid": os.getpid(), "address": address, "redisUrl": redis_url, "ready": ready, "parts": dict(parts)}
    fresh = run_dir / "stack.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(note, indent=2) + "\n")
    fresh.replace(note_path(run_dir))


def _taken(run_dir: Path) -> str:
    try:
        note = json.loads(note_path(run_dir).read_text())
        who = f" (process {note['pid']}, {note['address']})"
    except (OSError, ValueError, KeyError):
        who = ""
    return (
        f"Another instance{who} is using the data folder {run_dir.parent}. Stop it, or give this one a folder"
        " and a port of its own: DATA_DIR=/some/folder PORT=8001 make run"
    )
