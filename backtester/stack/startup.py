"""The order of a start: hold the folder and the port, prepare, start the parts, watch them until told to stop."""

import shutil
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backtester.stack import preparation, redis_server, web_server, worker
from backtester.stack.console import say, step
from backtester.stack.instance import only_one, write_note
from backtester.stack.process import Part, part_environment
from backtester.stack.stop_signals import StopRequested, StopSignals
from backtester.stack.supervisor import Supervisor

SLOW_START_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What the settings say about this stack."""

    data_dir: Path
    numba_cache_dir: Path
    host: str
    port: int
    workers: int
    redis_url: str | None  # none: an embedded server

    @property
    def run_dir(self) -> Path:
        """Sockets, the lock and the note."""
        return self.data_dir / "run"

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.data_dir / "logs"


def run(plan: Plan) -> None:
    """Until a signal asks to stop, or something keeps the stack from starting (`StackError`)."""
    say(f"Backtester, with everything it makes in {plan.data_dir}")
    with only_one(plan.run_dir), StopSignals() as signals, web_server.listen(plan.host, plan.port) as listener:
        socket_path = None if plan.redis_url else redis_server.socket_path(plan.run_dir)
        try:
            with suppress(StopRequested):
                _Job(plan, signals, listener, socket_path).run()
        finally:
            if socket_path is not None and socket_path.parent != plan.run_dir:
                shutil.rmtree(socket_path.parent, ignore_errors=True)
        say("Stopped.")


class _Job:
    def __init__(self, plan: Plan, signals: StopSignals, listener: socket.socket, socket_path: Path | None) -> None:
        self.plan, self.signals, self.listener, self.socket_path = plan, signals, listener, socket_path
        self.redis_url = plan.redis_url or f"unix://{socket_path}"
        self.began = time.monotonic()
        self.ready = False
        self.env = self._environment()
        self.supervisor = Supervisor(signals, on_change=self._write_note)

    def run(self) -> None:
        """Everything, from the first step to the last process."""
        self._write_note({})
        try:
            self._prepare()
            self._start_parts()
            self._watch()
        finally:
            if self.signals.count:
                say("Stopping ...")
            self.supervisor.stop()

    def _prepare(self) -> None:
        if self.plan.redis_url:
            redis_server.require(self.plan.redis_url)
        preparation.prepare_database()
        preparation.load_sample(self.env, self.plan.logs, self.signals)
        preparation.warm_kernels(self.env, self.plan.logs, self.signals)
        self.signals.raise_if_stopped()

    def _start_parts(self) -> None:
        if self.socket_path is not None:
            with step("Starting the embedded Valkey"):
                self._add("redis", redis_server.arguments(redis_server.find_server(), self.socket_path))
                redis_server.wait_until_up(self.redis_url)
        with step(f"Starting the worker ({self.plan.workers} processes), the watchdog and the server"):
            self._add("web", web_server.arguments(self.listener.fileno()), fds=(self.listener.fileno(),))
            self._add("worker", worker.arguments(self.plan.workers), env=worker.SETTINGS)
            self._add("watchdog", [sys.executable, str(preparation.MANAGE), "watchdog"])
            self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        slow_at = time.monotonic() + SLOW_START_S
        while not web_server.is_healthy(self.listener):
            self.signals.wait(min(0.1, self.supervisor.tick()))
            self.signals.raise_if_stopped()
            if time.monotonic() > slow_at:
                say(f"    still no answer from /healthz; the log of the server: {self.plan.logs / 'web.log'}")
                slow_at += SLOW_START_S

    def _watch(self) -> None:
        self.ready = True
        self._write_note(self.supervisor.pids())
        say(f"Ready after {time.monotonic() - self.began:.1f} s: {web_server.address(self.listener)}")
        say(f"Ctrl-C stops everything. The logs are in {self.plan.logs}")
        while not self.signals.count:
            self.signals.wait(self.supervisor.tick())

    def _add(self, name: str, argv: list[str], fds: tuple[int, ...] = (), env: Mapping[str, str] | None = None) -> None:
        self.supervisor.add(Part(name, argv, {**self.env, **(env or {})}, self.plan.logs / f"{name}.log", fds))

    def _write_note(self, pids: Mapping[str, int]) -> None:
        write_note(
            self.plan.run_dir,
            address=web_server.address(self.listener),
            redis_url=redis_server.without_password(self.redis_url),
            ready=self.ready,
            parts=pids,
        )

    def _environment(self) -> dict[str, str]:
        """Ours, with what the parts must agree on."""
        return part_environment() | {
            "DATA_DIR": str(self.plan.data_dir),
            "REDIS_URL": self.redis_url,
            "NUMBA_CACHE_DIR": str(self.plan.numba_cache_dir),
            "METRICS_PORT": "0",  # the server's /metrics exports every part
        }
