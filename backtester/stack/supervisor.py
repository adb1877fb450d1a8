"""Keep the parts running: restart those that die, stop all in order."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import Popen, SubprocessError

from backtester.stack.console import say
from backtester.stack.process import Part, exit_reason, kill_group, last_line, start, turn_over
from backtester.stack.stop_signals import StopSignals

BACK_OFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0  # a part that ran this long before it died is restarted without delay
# TERM: finish the current work. QUIT: Celery requeues its tasks and exits. KILL: do not wait.
STOP_SEQUENCE = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))


@dataclass
class Child:
    """A part and its current process, if any."""

    part: Part
    process: "Popen[bytes] | None" = None
    started_at: float = 0.0
    deaths_in_a_row: int = 0
    start_at: float = 0.0


@dataclass
class Supervisor:
    """Starts parts, and restarts them at each `tick`."""

    signals: StopSignals
    on_change: Callable[[Mapping[str, int]], None]
    children: list[Child] = field(default_factory=list)
    is_announced: bool = True

    def add(self, part: Part) -> None:
        child = Child(part)
        self.children.append(child)
        self._start(child)

    def tick(self) -> float:
        """Restart dead parts that are due; return the seconds until the next tick.

        It raises nothing, because the parts die with the supervisor. What fails, as on a full disk, is tried again.
        """
        for child in self.children:
            with _reported(f"check {child.part.name}"):
                self._check(child, time.monotonic())
            turn_over(child.part.log)
        if not self.is_announced:
            self.announce()
        return 1.0 if all(child.process for child in self.children) else 0.1

    def stop(self) -> None:
        """Stop all parts, Redis last: the worker needs it to requeue its tasks."""
        for is_redis in (False, True):
            children = [child for child in self.children if (child.part.name == "redis") == is_redis]
            self._stop([child.process for child in children if child.process is not None])

    def pids(self) -> dict[str, int]:
        return {child.part.name: child.process.pid for child in self.children if child.process is not None}

    def announce(self) -> None:
        """Report the running parts; if that fails, say so once and try again at each tick."""
        try:
            self.on_change(self.pids())
            self.is_announced = True
        except OSError as error:
            if self.is_announced:
                say(f"  ! the list of the parts cannot be written: {error}")
            self.is_announced = False

    def _check(self, child: Child, now: float) -> None:
        if child.process is not None and child.process.poll() is not None:
            self._record_death(child, now)
        if child.process is None and now >= child.start_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        try:
            child.process = start(child.part)
        except (OSError, SubprocessError) as error:  # no memory, or no process left
            self._schedule(child, f"could not start ({error})", child.started_at)
        self.announce()

    def _record_death(self, child: Child, now: float) -> None:
        process, child.process = child.process, None
        assert process is not None
        with _reported(f"end what {child.part.name} has started"):
            kill_group(process)  # its children must not run beside its successor
        self._schedule(child, f"ended ({exit_reason(process.returncode)})", now)
        if process.returncode > 0 and (line := last_line(child.part.log)):
            say(f"    last line: {line}")
        self.announce()

    def _schedule(self, child: Child, reason: str, now: float) -> None:
        """Start the part again after a delay that grows with each death."""
        steady = now - child.started_at > STEADY_S
        child.deaths_in_a_row = 1 if steady else child.deaths_in_a_row + 1
        delay = BACK_OFF_S[min(child.deaths_in_a_row, len(BACK_OFF_S)) - 1]
        child.start_at = now + delay
        say(f"  ! {child.part.name} {reason}; starting it again in {delay:g} s; log: {child.part.log}")

    def _stop(self, processes: "list[Popen[bytes]]") -> None:
        signals_before = self.signals.count  # one more signal skips the rest of a wait
        for number, seconds in STOP_SEQUENCE:
            waiting = [process for process in processes if process.poll() is None]
            if not waiting:
                break
            for process in waiting:
                with _reported(f"stop process {process.pid}"):
                    kill_group(process) if number == signal.SIGKILL else process.send_signal(number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline and any(process.poll() is None for process in waiting):
                if self.signals.count > signals_before and number != signal.SIGKILL:
                    break
                self.signals.wait(0.1)
        for process in processes:
            with _reported(f"end process {process.pid}"):
                kill_group(process)


@contextmanager
def _reported(action: str) -> Iterator[None]:
    """Say what failed and go on: the other parts do not depend on it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the parts die with the supervisor
        say(f"  ! cannot {action}: {error}")
