"""Measure what thousands of watchers that come and go leave behind. `python -m benchmarks.live_churn [cycles]`

Half close, half reset the connection, a fifth before the answer; websocket and event stream in turn.
"""

import socket
import struct
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import redis

from benchmarks.live_parts import make_batches, server, valkey
from benchmarks.live_watchers import request

AT_ONCE = 25
NO_LINGER = struct.pack("ii", 1, 0)


def come_and_go(address: tuple[str, int], session_id: uuid.UUID, number: int) -> None:
    sse = bool(number % 2)
    path = "/api/backtest/batch/stream?sessionId={}" if sse else "/ws/backtest/batch/{}/"
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(request(path.format(session_id), f"{address[0]}:{address[1]}", sse=sse))
        if number % 5:
            client.recv(4096)
        if number % 4 < 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)


def main() -> None:
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print("| cycles | a second | descriptors | subscriptions | resident MB |\n|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="live-") as folder, valkey(Path(folder)) as url:
        data_dir = Path(folder)
        session_id = make_batches(data_dir, 1)[0]
        with server("daphne", data_dir) as (process, address), ThreadPoolExecutor(AT_ONCE) as pool:
            process_info, layer = psutil.Process(process.pid), redis.Redis.from_url(url)
            for start in range(0, cycles, 1_000):
                began = time.monotonic()
                list(pool.map(lambda number: come_and_go(address, session_id, number), range(start, start + 1_000)))
                rate = 1_000 / (time.monotonic() - began)
                time.sleep(3)  # Daphne forgets ended applications once a second
                groups, memory = len(layer.pubsub_channels("*__group__*")), process_info.memory_info().rss / 2**20
                print(
                    f"| {start + 1_000:,} | {rate:,.0f} | {process_info.num_fds()} | {groups} | {memory:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
