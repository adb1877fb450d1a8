"""A server with batches that the tests move by hand: what the workers would write and announce, at our own pace."""

import sqlite3
import uuid
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import orjson
import psutil
import redis
from channels_redis.serializers import registry

from benchmarks.soak import memory


class Serving:
    """The real server and Valkey, and the rows they look at."""

    def __init__(self, data_dir: Path, process: "Popen[bytes]", address: tuple[str, int]) -> None:
        self.data_dir, self.process, self.address = data_dir, process, address
        self.url = f"http://{address[0]}:{address[1]}"
        with sqlite3.connect(data_dir / "db.sqlite3") as database:
            self.spare = [uuid.UUID(pk) for (pk,) in database.execute("SELECT id FROM batches_batchsession")]
        database.close()
        self.serializer = registry.get_serializer("msgpack")

    def batch(self) -> uuid.UUID:
        """A running batch that no other test uses."""
        return self.spare.pop()

    def stream_url(self, session_id: uuid.UUID) -> str:
        """Its event stream."""
        return f"{self.url}/api/backtest/batch/stream?sessionId={session_id}"

    def socket_url(self, session_id: uuid.UUID) -> str:
        """Its websocket."""
        return f"{self.url.replace('http', 'ws', 1)}/ws/backtest/batch/{session_id}/"

    def change(self, session_id: uuid.UUID, **columns: Any) -> None:
        """What a worker commits: some columns, and the sequence one higher."""
        names = "".join(f", {name} = ?" for name in columns)
        with sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20) as database:
            database.execute(
                f"UPDATE batches_batchsession SET sequence = sequence + 1{names} WHERE id = ?",
                [*columns.values(), session_id.hex],
            )
        database.close()

    def step(self, session_id: uuid.UUID, **columns: Any) -> None:
        """Commit, then announce."""
        self.change(session_id, **columns)
        self.announce(session_id)

    def finish(self, session_id: uuid.UUID, *, announce: bool = True) -> None:
        """The last commit of a batch."""
        self.change(session_id, status="complete", results="{}", ended_at="2030-01-01 00:00:00", successful=10**6)
        if announce:
            self.announce(session_id)

    def announce(self, session_id: uuid.UUID, **changes: Any) -> None:
        """The newest event, as the workers publish it."""
        event = httpx.get(f"{self.url}/api/backtest/batch/{session_id}", timeout=20).json() | changes
        message = {
            "type": "batch.event",
            "session": session_id.hex,
            "kind": event["type"],
            "sequence": event["sequence"],
            "sentAtMs": event["sentAtMs"],
            "text": orjson.dumps(event).decode(),
        }
        channel = f"backtester__group__batch.{session_id.hex}"
        with redis.Redis.from_url(f"unix://{self.data_dir}/redis.sock") as client:
            client.publish(channel, self.serializer.serialize(message))

    def open_streams(self) -> int:
        """As the server counts them."""
        lines = httpx.get(f"{self.url}/metrics", timeout=20).text.splitlines()
        return int(sum(float(line.split()[1]) for line in lines if line.startswith("backtester_live_connections{")))

    def subscriptions(self) -> int:
        """Groups of batches that the server listens to in Redis."""
        with redis.Redis.from_url(f"unix://{self.data_dir}/redis.sock") as client:
            return len(client.pubsub_channels("*__group__*"))

    def descriptors(self) -> int:
        """Open files and sockets of the server."""
        return int(psutil.Process(self.process.pid).num_fds())

    def memory(self) -> int:
        """Bytes of the server's own: its database is mapped into memory too."""
        return memory(psutil.Process(self.process.pid))
