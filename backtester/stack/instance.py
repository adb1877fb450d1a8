"""One instance for each data folder, described in `DATA_DIR/run/stack.json`."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from backtester.stack.errors import StackError


@contextmanager
def lock_data_dir(run_dir: Path) -> Iterator[None]:
    """Lock the data folder. The kernel releases the lock when this process ends, however it ends."""
    run_dir.mkdir(parents=True, exist_ok=True)
    run_dir.chmod(0o700)
    with (run_dir / "stack.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(_locked(run_dir)) from None
        try:
            yield
        finally:
            with suppress(OSError):  # a disk that has become read-only
                note_path(run_dir).unlink(missing_ok=True)


def note_path(run_dir: Path) -> Path:
    return run_dir / "stack.json"


def running_address(run_dir: Path) -> str | None:
    """Return the address of the running instance, None if there is none. StackError while it is starting."""
    try:
        note = json.loads(note_path(run_dir).read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError):  # no note, or one of an instance that was killed
        return None
    if not note["ready"]:
        raise StackError(f"The stack at {note['address']} is still starting; try again in a moment.")
    return str(note["address"])


def write_note(run_dir: Path, *, address: str, redis_url: str, ready: bool, parts: Mapping[str, int]) -> None:
    """Replace the note atomically."""
    note = {"pid": os.getpid(), "address": address, "redisUrl": redis_url, "ready": ready, "parts": dict(parts)}
    fresh = run_dir / "stack.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(note, indent=2) + "\n")
    fresh.replace(note_path(run_dir))


def _locked(run_dir: Path) -> str:
    try:
        note = json.loads(note_path(run_dir).read_text())
        instance = f" (process {note['pid']}, {note['address']})"
    except (OSError, ValueError, KeyError):
        instance = ""
    return (
        f"Another instance{instance} is using the data folder {run_dir.parent}. Stop it, or give this one its own"
        " folder and port: DATA_DIR=/some/folder PORT=8001 make run"
    )
