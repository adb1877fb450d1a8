"""A stack that can be made to misbehave."""

import os
import re
import signal
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import redis

from tests.faults.installation import Examined
from tests.support.stack_process import StackProcess, is_running, until

INJECTED = Path(__file__).parent / "injected"
QUEUE = "backtester:chunks"


class StackUnderTest(Examined, StackProcess):
    """`runstack` with small chunks, short leases, and the faults of `injected/` at hand."""

    def __init__(self, data_dir, *, database=None, **environment):
        self.faults = data_dir / "faults"
        self.faults.mkdir(parents=True)
        self.golden = {}
        self.log_lengths = {}
        given = os.environ.get("DATABASE_URL", "")
        if given.startswith("postgres"):
            environment = {"DATABASE_URL": new_postgres_database(given)} | environment
        self.database_url = environment.get("DATABASE_URL")
        super().__init__(
            data_dir,
            database=database,
            **{
                "CHUNK_TARGET_S": "0.002",
                "CHUNK_LEASE_S": "4",
                "BATCH_MAX_RUNNING": "200",
                "VERDICT_BUDGET_S": "0",  # a test waits until the workers have nothing left to do
                "FAULTS_DIR": str(self.faults),
                "PYTHONPATH": str(INJECTED),
            }
            | environment,
        )

    # ---- misbehaviour ------------------------------------------------------------------------------------------------

    def pool(self):
        """The worker's children, once there are as many as there should be."""
        wanted = int(self.environment["WORKERS"])
        return until(lambda: found if len(found := self._children()) == wanted else None, "the pool", seconds=30)

    def _children(self):
        try:
            children = psutil.Process(self.pids()["worker"]).children()
        except (psutil.NoSuchProcess, KeyError):
            return []
        return [child.pid for child in children if is_running(child.pid)]

    @contextmanager
    def stopped(self, pid):
        """A process that hangs."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def without_redis(self):
        """Killed, and kept from coming back: a folder lies where its socket would be."""
        path = Path(self.redis_url.removeprefix("unix://"))
        self.kill("redis")
        path.unlink(missing_ok=True)
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()

    def wait_for_redis(self):
        """The monotonic moment in which it answers again."""
        until(self._redis_answers, "Redis", seconds=30)
        return time.monotonic()

    def _redis_answers(self):
        try:
            return self.redis().ping()
        except redis.RedisError:
            return False

    def redis(self):
        """A client."""
        return redis.Redis.from_url(self.redis_url)

    def logs_begin_here(self):
        """What was logged so far belongs to the tests before."""
        self.log_lengths = {path.name: len(path.read_text()) for path in (self.data_dir / "logs").glob("*.log")}

    def new_log(self, part):
        """What a part has said since then."""
        return self.log(part)[self.log_lengths.get(f"{part}.log", 0) :]

    def check_logs(self, *injected):
        """No traceback in any log, except of the injected kinds (a pattern for the last line of each)."""
        for log in sorted((self.data_dir / "logs").glob("*.log")):
            new = self.new_log(log.stem)
            for trace in re.findall(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(.*)", new):
                assert any(re.search(pattern, trace) for pattern in injected), f"{log.name}: {trace}"


def new_postgres_database(url, name=""):
    """One of this stack's own, beside the given one."""
    name = name or f"faults_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.rpartition("/")[0] + f"/{name}"
