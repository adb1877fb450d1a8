"""Contain the code of users' strategies: what it raises, how long it takes, what it prints.

A strategy's error fails a test or a chunk, never a process, and its output cannot fill the disk.
"""

import contextlib
import faulthandler
import io
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from types import FrameType
from typing import Any

from billiard.common import terminate_handler_fired  # type: ignore[import-untyped]

from backtester.engine import Strategy, StrategyFailure, error_text
from backtester.engine.strategy import SignalBits

TICK_S = 0.25  # time is counted in ticks of the process, so that one that was stopped is not blamed for the pause
SLOW_TESTS = 2  # of one chunk that fail alone, each after the limit; the next one fails the rest of the chunk
LONGEST_S = 40.0  # of a chunk with slow tests; below Celery's soft time limit
WITHOUT_LIMIT_S = 15.0  # a call for which the caller has set no limit
PREPARING = ("numba.", "importlib.")  # modules that are on the stack while a function is compiled or a module imported
OUTPUT_BYTES = 4_096


class TimeLimitExceeded(BaseException):
    """A chunk took too long. Not an Exception, so that it ends the chunk and not only one of its tests."""


def is_shutdown(error: BaseException) -> bool:
    """Return whether the process was asked to stop. Any other SystemExit was raised by a strategy."""
    return isinstance(error, SystemExit) and bool(terminate_handler_fired())


def contained(strategy: Strategy) -> Strategy:
    """Return a user's strategy whose functions raise nothing but Exception, each test within the limit of time."""
    constraints = tuple(replace(item, holds=_timed(_caught(item.holds))) for item in strategy.constraints)
    functions: dict[str, Any] = {
        name: _timed(_caught(function))
        for name in ("bars_needed", "target", "trade", "trade_fast", "table_rows")
        if (function := getattr(strategy, name)) is not None
    }
    if strategy.prepare is not None:
        functions["prepare"] = _prepared(_timed(_caught(strategy.prepare)))
    return replace(strategy, constraints=constraints, **functions)


def _caught(function: Callable[..., Any]) -> Callable[..., Any]:
    """Raise StrategyFailure for SystemExit, KeyboardInterrupt and others that would end the process."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Exception, TimeLimitExceeded):
            raise
        except BaseException as error:
            if is_shutdown(error):
                raise
            raise StrategyFailure(error_text(error)) from error

    return call


def _prepared(prepare: Callable[..., SignalBits]) -> Callable[..., SignalBits]:
    @wraps(prepare)
    def call(*arguments: Any) -> SignalBits:
        signals = prepare(*arguments)
        return SignalBits(_timed(_caught(signals.rising)), _timed(_caught(signals.falling)))

    return call


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Count the time of the call. A call without a limit, as of a command, gets WITHOUT_LIMIT_S."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return function(*arguments)
        with contextlib.ExitStack() as stack:
            if _limit is None:
                stack.enter_context(time_limit(WITHOUT_LIMIT_S))
            assert _limit is not None
            stack.enter_context(_limit.counted())
            return function(*arguments)

    return call


@dataclass
class _Limit:
    """Counts the ticks of the chunk, without those of its slow tests, and of the call that runs.

    slow_tests : how many may still fail alone
    """

    seconds: float
    slow_tests: int = SLOW_TESTS
    ticks: int = 0
    call_ticks: int = 0
    is_counting: bool = False

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        self.call_ticks, self.is_counting = 0, True
        try:
            yield
        finally:
            self.is_counting = False

    def tick(self, _signal: int, frame: FrameType | None) -> None:
        """Raise when time is over, at each tick again until the code ends."""
        if not self.is_counting or _is_preparing(frame):
            _end_process_after(self.seconds)
            return
        self.ticks += 1
        self.call_ticks += 1
        if self.ticks * TICK_S < self.seconds:
            return
        if not self.slow_tests or self.call_ticks * TICK_S < self.seconds / 2:
            raise TimeLimitExceeded(f"these tests took longer than {self.seconds:g} s together")
        self.slow_tests -= 1
        self.ticks = self.call_ticks = 0
        _end_process_after(self.seconds)
        raise StrategyFailure(f"the test took longer than {self.seconds:g} s")


_limit: _Limit | None = None  # of the main thread
_is_expendable = False


def end_process_if_needed() -> None:
    """Let this process end when compiled code loops. For workers: another takes the place of one that ended."""
    global _is_expendable
    _is_expendable = True


def _end_process_after(seconds: float) -> None:
    """End the process, with a traceback, unless this is called again in time. It needs no interpreter."""
    if _is_expendable:
        faulthandler.dump_traceback_later(2 * seconds + 5.0, exit=True, file=2)


def _is_preparing(frame: FrameType | None) -> bool:
    """Return whether a function is being compiled or a module imported, which happens once and takes seconds."""
    while frame is not None and (name := frame.f_globals.get("__name__", "")) != __name__:
        if name.startswith(PREPARING):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise StrategyFailure in a test, or TimeLimitExceeded in a chunk, that takes longer. In the main thread only.

    Only the time of a user's own functions counts.
    """
    global _limit
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    outer, limit = _limit, _Limit(min(seconds, LONGEST_S))
    _limit = limit
    handler = signal.signal(signal.SIGALRM, limit.tick)
    timer = signal.setitimer(signal.ITIMER_REAL, TICK_S, TICK_S)
    _end_process_after(limit.seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
        faulthandler.cancel_dump_traceback_later()
        _limit = outer


class _Tail(io.BufferedIOBase):
    """A file that keeps the last bytes that are written to it."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content = (self.content + bytes(data[-OUTPUT_BYTES:]))[-OUTPUT_BYTES:]
        return len(data)

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace").strip()


@contextlib.contextmanager
def output_kept() -> Iterator[_Tail]:
    """Keep the end of what is printed, instead of writing it to the log."""
    tail = _Tail()
    buffer: Any = tail  # has all that is used of a buffer
    file = io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", write_through=True)
    with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield tail
