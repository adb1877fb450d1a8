"""Redis goes and comes back under the watchers: nobody is disconnected, nobody waits long, nothing needs a hand."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from subprocess import Popen

import psutil
import pytest

from backtester.stack import redis_server
from benchmarks.live_parts import running, server
from tests.live.recorders import Recording, both, until, watching
from tests.live.serving import Serving
from tests.support.promised import promised

pytestmark = pytest.mark.stack
BY_DATABASE_S = 3.0
BACK_S = 2.0


@pytest.fixture
def serving(tmp_path, hand_moved) -> Iterator[Serving]:
    """A server of its own, with a Redis that is started and ended by the test."""
    with valkey(tmp_path):
        shutil.copy(hand_moved, tmp_path / "db.sqlite3")
        with server("daphne", tmp_path) as (process, address):
            yield Serving(tmp_path, process, address)


@contextlib.contextmanager
def valkey(data_dir) -> Iterator["Popen[bytes]"]:
    path = data_dir / "redis.sock"
    argv = redis_server.arguments(redis_server.find_server(), path)
    with running(argv, dict(os.environ), data_dir / "redis.log") as process:
        redis_server.wait_until_up(f"unix://{path}")
        yield process


def redis_of(serving: Serving) -> int:
    """Its process."""
    path = str(serving.data_dir / "redis.sock")
    return next(p.pid for p in psutil.process_iter(["cmdline"]) if path in " ".join(p.info["cmdline"] or []))


@contextlib.asynccontextmanager
async def watchers(serving, session_id) -> AsyncIterator[list[Recording]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(watching(*way)) for way in both(serving, session_id)]


async def everyone_hears(seen: list[Recording], done: int, *, within: float) -> None:
    began = time.monotonic()
    await until(
        lambda: all(watcher.events[-1]["current"] >= done for watcher in seen),
        f"{done} tests to be shown",
        seconds=promised(within) + 5,
    )
    assert time.monotonic() - began < promised(within)


async def test_without_redis_watchers_follow_the_database_and_hints_return_by_themselves(serving):
    first, second = serving.batch(), serving.batch()
    async with watchers(serving, first) as early:
        serving.step(first, successful=1)
        await everyone_hears(early, 1, within=1)

        os.kill(redis_of(serving), signal.SIGKILL)
        serving.change(first, successful=2)
        await everyone_hears(early, 2, within=BY_DATABASE_S)
        async with watchers(serving, second) as late:  # comes while Redis is away
            serving.change(second, successful=1)
            await everyone_hears(late, 1, within=BY_DATABASE_S)

            with valkey(serving.data_dir):
                began = time.monotonic()
                await until(lambda: serving.subscriptions() == 2, "the subscriptions", seconds=10)
                assert time.monotonic() - began < promised(BACK_S)
                # A hint about what the row does not say: only the channel layer can have brought it.
                for session_id, seen in ((first, early), (second, late)):
                    serving.announce(session_id, sequence=1_000, current=77, total=100)
                    await everyone_hears(seen, 77, within=1)
                assert not any(watcher.task.done() for watcher in (*early, *late))
                for session_id in (first, second):
                    serving.finish(session_id)
                    serving.announce(session_id, sequence=2_000)
                await until(lambda: all(watcher.task.done() for watcher in (*early, *late)), "the end")
        assert all(watcher.kinds[-1] == "complete" for watcher in (*early, *late))
        assert all(watcher.sequences == sorted(set(watcher.sequences)) for watcher in (*early, *late))


async def test_a_redis_that_hangs_delays_nobody_for_long(serving):
    first, second = serving.batch(), serving.batch()
    async with watchers(serving, first) as early:
        redis = redis_of(serving)
        os.kill(redis, signal.SIGSTOP)
        try:
            serving.change(first, successful=2)
            await everyone_hears(early, 2, within=BY_DATABASE_S)
            began = time.monotonic()
            async with watchers(serving, second) as late:
                assert time.monotonic() - began < promised(2 * 1.5)  # two watchers, one after the other
                serving.change(second, successful=3)
                await everyone_hears(late, 3, within=BY_DATABASE_S)
                os.kill(redis, signal.SIGCONT)
                await until(lambda: serving.subscriptions() == 2, "the subscriptions", seconds=10)
                serving.announce(second, sequence=1_000, current=77, total=100)
                await everyone_hears(late, 77, within=1)
        finally:
            os.kill(redis, signal.SIGCONT)
