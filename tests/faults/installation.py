"""An installation whose batches are started by hand, slowed down, and compared with the truth of its database."""

import json
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import psycopg

from backtester.client.files import read_parquet
from tests.stack.clients import SHARES, body
from tests.support.stack_process import until

SESSIONS, CHUNKS = "batches_batchsession", "batches_resultchunk"


def sweep(**changes):
    """32,000 tests in about 60 chunks: with a pace of 0.1 s a chunk, about 3 s for two workers."""
    ranges = {"fast": {"start": 2, "stop": 41, "step": 1}, "slow": {"start": 45, "stop": 84, "step": 1}}
    return body(symbols=SHARES, parameterRanges=ranges, **changes)


class Examined:
    """What the tests do with any installation that has these. golden : results by request, kept between tests."""

    url: str
    data_dir: Path
    database_url: str | None  # None: SQLite in data_dir
    faults: Path  # the folder that `injected/` reads
    golden: dict
    headers: Mapping[str, str] = {}  # who asks; where nobody signs in, nobody says so

    def ask(self, method, path, **options):
        """A request, as whoever tests here."""
        return httpx.request(method, self.url + path, headers=self.headers, timeout=60, **options)

    def tell(self, name, what):
        """Change a file of `injected/` in one step; an empty one is no fault."""
        fresh = self.faults / f"{name}.new"
        fresh.write_text(str(what))
        fresh.replace(self.faults / name)

    def chunks(self, pace_s=0.0, **fault):
        """What happens to chunks from now on."""
        self.tell("chunk.json", json.dumps({"pace_s": pace_s} | fault))

    # ---- batches -----------------------------------------------------------------------------------------------------

    def start_batch(self, request=None):
        """The id of a new batch."""
        answer = self.ask("POST", "/api/backtest/batch", json=request or sweep())
        assert answer.status_code == 202, answer.text
        return answer.json()["sessionId"]

    def start_without_end(self, pace_s):
        """The id of a new batch of which no worker gets the last chunk, however slow the test is, until `chunks()`."""
        self.chunks(pace_s)
        session_id = self.start_batch()
        query = f"SELECT max(start) FROM {CHUNKS} WHERE session_id = ?"
        last = until(lambda: self.rows(query, uuid.UUID(session_id).hex)[0][0], "its chunks")
        self.chunks(pace_s, withheld=last)
        return session_id

    def snapshot(self, session_id):
        """The newest event."""
        return self.ask("GET", f"/api/backtest/batch/{session_id}").json()

    def act(self, session_id, action):
        """Cancel, pause, resume, retry."""
        return self.ask("POST", f"/api/backtest/batch/{session_id}/{action}")

    def tests_done(self, session_id):
        """Read from the row: asking the server all the time would be a fault of its own."""
        query = f"SELECT successful + failed FROM {SESSIONS} WHERE id = ?"
        return self.rows(query, uuid.UUID(session_id).hex)[0][0]

    def wait_for(self, session_id, tests, seconds=60):
        """Until so many tests are done; how many there are then."""
        return until(
            lambda: done if (done := self.tests_done(session_id)) >= tests else None,
            f"{tests} tests of {session_id}",
            seconds=seconds,
        )

    def wait_for_end(self, session_id, seconds=90):
        """The terminal event."""
        query = f"SELECT status FROM {SESSIONS} WHERE id = ?"
        key = uuid.UUID(session_id).hex
        ends = {"complete", "error", "cancelled"}
        until(lambda: self.rows(query, key)[0][0] in ends, f"the end of {session_id}", seconds=seconds)
        return self.snapshot(session_id)

    def results(self, session_id):
        """All rows."""
        answer = self.ask("GET", f"/api/backtest/batch/{session_id}/results.parquet")
        return read_parquet(answer.content)

    def undisturbed(self, request=None):
        """The rows of the same request with no fault about."""
        key = json.dumps(request or sweep(), sort_keys=True)
        if key not in self.golden:
            self.chunks()
            session_id = self.start_batch(request)
            assert self.wait_for_end(session_id)["type"] == "complete"
            self.golden[key] = self.results(session_id)
        return self.golden[key]

    # ---- the truth ---------------------------------------------------------------------------------------------------

    def rows(self, query, *values):
        """Straight from the database."""
        if self.database_url:
            with psycopg.connect(self.database_url) as connection:
                return connection.execute(query.replace("?", "%s"), values).fetchall()
        with closing(
            sqlite3.connect(f"file:{self.data_dir / 'db.sqlite3'}?mode=ro", uri=True, timeout=60)
        ) as connection:
            return connection.execute(query, values).fetchall()

    def held(self, session_id):
        """{process id: (chunk id, attempt)} of the chunks that are being computed."""
        query = f"SELECT claimed_by, id, attempt FROM {CHUNKS} WHERE session_id = ? AND status = 'running'"
        found = self.rows(query, uuid.UUID(session_id).hex)
        return {int(name.rpartition(":")[2]): (pk, attempt) for name, pk, attempt in found}

    def in_hand(self, session_id):
        """(process id, chunk id, attempt) of a chunk that is being computed now."""
        ((pid, (pk, attempt)), *_) = until(lambda: list(self.held(session_id).items()), "a chunk in hand")
        return pid, pk, attempt

    def chunk(self, pk):
        """(status, attempt, claimed_by) of one chunk."""
        return self.rows(f"SELECT status, attempt, claimed_by FROM {CHUNKS} WHERE id = ?", pk)[0]

    def check_exact(self, session_id, expected):
        """Every result once, bit for bit those of an undisturbed run; counters and rows agree; nothing is stuck."""
        found = self.results(session_id)
        assert list(found["index"]) == list(range(len(expected)))
        assert set(found.columns) >= set(expected.columns) - {"error"}
        check_same(found, expected)
        self.check_counters(session_id, len(expected))

    def check_counters(self, session_id, total):
        """The counters are the rows'."""
        event = self.snapshot(session_id)
        assert (event["status"], event["current"], event["total"]) == ("complete", total, total)
        assert event["successfulTests"] + event["failedTests"] == total
        slices = self.rows(
            f"SELECT start, stop FROM {CHUNKS} WHERE session_id = ? AND status IN ('done', 'failed') ORDER BY start",
            uuid.UUID(session_id).hex,
        )
        edges = [0, *(stop for _, stop in slices)]
        assert [start for start, _ in slices] == edges[:-1], "the chunks follow each other without gap or overlap"
        assert edges[-1] == total
        failed = self.results(session_id)["error"].notna().sum()
        assert failed == event["failedTests"]

    def check_nothing_is_stuck(self):
        """No batch is active any more."""
        query = f"SELECT id, status FROM {SESSIONS} WHERE status IN ('queued', 'running', 'paused')"
        assert self.rows(query) == []


def check_same(found, expected):
    """The same rows, bit for bit."""
    for name in expected.columns.drop("error"):
        if expected[name].dtype.kind in "if":  # whole numbers come as floats when some are missing
            assert found[name].to_numpy(float).tobytes() == expected[name].to_numpy(float).tobytes(), name
        else:
            assert list(found[name]) == list(expected[name]), name
