"""The real stack, started as `make run` starts it, for tests that want real parts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
OURS = ("DATA_DIR", "DATABASE_URL", "HOST", "PORT", "REDIS_URL", "WORKERS")
Found = TypeVar("Found")


def until(ask: Callable[[], Found], what: str, *, seconds: float = PATIENCE_S) -> Found:
    """Ask again and again until the answer is a true one; a test that waits in vain says for what."""
    began = time.monotonic()
    while not (found := ask()):
        waited = time.monotonic() - began
        assert waited < seconds, f"still waiting for {what} after {seconds:g} s"
        time.sleep(0.02 if waited < 1 else 0.1)  # a question may cost the stack and the test 10 ms of computing
    return found


def is_running(pid: int) -> bool:
    """Whether the process is alive; a zombie is not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class StackProcess:
    """`manage.py runstack` with a data folder of its own, on a free port unless one is given.

    database : copied to begin with; without one the stack makes and fills its own.
    """

    def __init__(self, data_dir: Path, *, database: Path | None = None, **environment: str) -> None:
        self.data_dir = data_dir
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if database is not None:
            shutil.copy(database, data_dir / "db.sqlite3")
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environment = inherited | {"DATA_DIR": str(data_dir), "PORT": "0", "WORKERS": "2"} | environment
        self.output = data_dir / "runstack.out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, without waiting for anything."""
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "runstack"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def wait_until_ready(self) -> Self:
        """Until it has printed its address."""
        until(lambda: self.is_ready() or not self.is_alive(), f"the stack; it said:\n{self.log()}")
        assert self.is_alive(), f"the stack did not start:\n{self.log()}"
        return self

    def manage(self, *arguments: str) -> None:
        """Run a command on its data, without the apps for pages."""
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "backtester.worker_settings"}
        subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], env=environment, check=True, timeout=120)

    def is_ready(self) -> bool:
        """Whether it has printed its address."""
        return bool(self._note().get("ready"))

    def wait(self, seconds: float = 30.0) -> int:
        """Until it ends by itself; its exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def is_alive(self) -> bool:
        """Whether the supervisor runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return str(self._note()["address"]).rstrip("/")

    @property
    def redis_url(self) -> str:
        """Its Redis."""
        return str(self._note()["redisUrl"])

    def pids(self) -> dict[str, int]:
        """The parts that run now."""
        return dict(self._note().get("parts", {}))

    def all_pids(self) -> set[int]:
        """Those, and whatever they have started."""
        assert self.process is not None
        return {process.pid for process in psutil.Process(self.process.pid).children(recursive=True)}

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> int:
        """End a part the hard way; its process id, which is soon another one."""
        pid = self.pids()[part]
        os.kill(pid, number)
        return pid

    def log(self, part: str | None = None) -> str:
        """What the supervisor, or a part, has said."""
        path = self.output if part is None else self.data_dir / "logs" / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30.0) -> int:
        """Send the supervisor a signal, wait for its end; its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()  # the kernel ends its parts
            raise

    def _note(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.data_dir / "run" / "stack.json").read_text()))
        except FileNotFoundError:
            return {}
