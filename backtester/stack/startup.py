"""Start the stack: lock the data folder, open the port, prepare, start the parts, watch them until a signal."""

import shutil
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from backtester.stack import kernel_cache, preparation, redis_server, web_server, worker
from backtester.stack.console import say, step
from backtester.stack.counter_files import remove_counter_files
from backtester.stack.instance import lock_data_dir, write_note
from backtester.stack.process import Part, part_environment
from backtester.stack.stop_signals import StopRequested, StopSignals
from backtester.stack.supervisor import Supervisor
from backtester.web.starting import note_compiling

SLOW_START_S = 60.0


@dataclass(frozen=True)
class Options:
    data_dir: Path
    numba_cache_dir: Path
    host: str
    port: int
    workers: int
    redis_url: str | None  # None: an embedded server

    @property
    def run_dir(self) -> Path:
        """Sockets, the lock and `stack.json`."""
        return self.data_dir / "run"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"


def run(options: Options) -> None:
    """Run the stack until a stop signal. StackError if it cannot start."""
    say(f"Backtester: all data is in {options.data_dir}")
    with (
        lock_data_dir(options.run_dir),
        StopSignals() as signals,
        web_server.listen(options.host, options.port) as listener,
    ):
        socket_path = None if options.redis_url else redis_server.socket_path(options.run_dir)
        try:
            with suppress(StopRequested):
                _Stack(options, signals, listener, socket_path).run()
        finally:
            if socket_path is not None and socket_path.parent != options.run_dir:
                shutil.rmtree(socket_path.parent, ignore_errors=True)
        say("Stopped.")


class _Stack:
    def __init__(
        self, options: Options, signals: StopSignals, listener: socket.socket, socket_path: Path | None
    ) -> None:
        self.options, self.signals, self.listener, self.socket_path = options, signals, listener, socket_path
        self.redis_url = options.redis_url or f"unix://{socket_path}"
        self.began = time.monotonic()
        self.ready = False
        self.env = self._environment()
        self.supervisor = Supervisor(signals, on_change=self._write_note)

    def run(self) -> None:
        self.supervisor.announce()
        try:
            self._prepare()
            self._start_parts()
            self._watch()
        finally:
            if self.signals.count:
                say("Stopping ...")
            self.supervisor.stop()
            remove_counter_files()
            note_compiling(self.options.data_dir, is_compiling=False)

    def _prepare(self) -> None:
        if self.options.redis_url:
            redis_server.require(self.options.redis_url)
        preparation.prepare_database()
        preparation.load_sample(self.env, self.options.logs, self._wait)
        self.signals.raise_if_stopped()

    def _start_parts(self) -> None:
        if self.socket_path is not None:
            with step("Starting the embedded Valkey"):
                self._add("redis", redis_server.arguments(redis_server.find_server(), self.socket_path))
                redis_server.wait_until_up(self.redis_url)
        if kernel_cache.is_warm(self.options.numba_cache_dir):
            self._add_web()
        else:
            self._compile()
        note_compiling(self.options.data_dir, is_compiling=False)  # also that of a stack that was killed
        with step(f"Starting the worker ({self.options.workers} processes), the watchdog and the server"):
            self._add("worker", worker.arguments(self.options.workers), env=worker.SETTINGS)
            self._add("watchdog", [sys.executable, str(preparation.MANAGE), "watchdog"])
            self._wait_until_healthy()

    def _compile(self) -> None:
        """Compile the kernels behind the server: it takes half a minute, and batches can wait in the queue."""
        note_compiling(self.options.data_dir, is_compiling=True)
        with step("Starting the server"):
            self._add_web()
            self._wait_until_healthy()
        say(f"  The pages answer: {web_server.address(self.listener)} Batches start when the kernels are compiled.")
        preparation.warm_kernels(self.env, self.options.logs, self._wait)

    def _add_web(self) -> None:
        self._add("web", web_server.arguments(self.listener.fileno()), fds=(self.listener.fileno(),))

    def _wait(self) -> None:
        self.signals.wait(min(0.1, self.supervisor.tick()))
        self.signals.raise_if_stopped()

    def _wait_until_healthy(self) -> None:
        slow_at = time.monotonic() + SLOW_START_S
        while not web_server.is_healthy(self.listener):
            self._wait()
            if time.monotonic() > slow_at:
                say(f"    /healthz does not answer yet; log of the server: {self.options.logs / 'web.log'}")
                slow_at += SLOW_START_S

    def _watch(self) -> None:
        self.ready = True
        self.supervisor.announce()
        say(f"Ready after {time.monotonic() - self.began:.1f} s: {web_server.address(self.listener)}")
        say(f"Ctrl-C stops everything. Logs are in {self.options.logs}")
        while not self.signals.count:
            self.signals.wait(self.supervisor.tick())

    def _add(self, name: str, argv: list[str], fds: tuple[int, ...] = (), env: Mapping[str, str] | None = None) -> None:
        self.supervisor.add(Part(name, argv, {**self.env, **(env or {})}, self.options.logs / f"{name}.log", fds))

    def _write_note(self, pids: Mapping[str, int]) -> None:
        write_note(
            self.options.run_dir,
            address=web_server.address(self.listener),
            redis_url=redis_server.without_password(self.redis_url),
            ready=self.ready,
            parts=pids,
        )

    def _environment(self) -> dict[str, str]:
        return part_environment() | {
            "DATA_DIR": str(self.options.data_dir),
            "REDIS_URL": self.redis_url,
            "NUMBA_CACHE_DIR": str(self.options.numba_cache_dir),
            "METRICS_PORT": "0",  # the server's /metrics exports every part
        }
