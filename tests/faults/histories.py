"""Watchers that come back when they are cut off, and write down all they saw."""

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field

import httpx
import websockets
from httpx_sse import SSEError, aconnect_sse

from tests.stack.clients import Watch

RETRY_S = 0.1
CUT_OFF = (OSError, EOFError, httpx.HTTPError, SSEError, TimeoutError, websockets.WebSocketException)


@dataclass
class History(Watch):
    """The events of one watcher over all its connections. begins : the number of the first event of each."""

    begins: list[int] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether the terminal event came."""
        return bool(self.events) and self.last["type"] in {"complete", "error"}

    def check(self) -> None:
        """The promises to every watcher, whatever happened on the way."""
        types = [event["type"] for event in self.events]
        begins = [begin for begin in self.begins if begin < len(types)]
        assert [number for number, kind in enumerate(types) if kind == "connected"] == begins
        assert sum(kind in {"complete", "error"} for kind in types) == 1, "exactly one terminal event"
        assert types[-1] in {"complete", "error"}, "and it is the last"
        ends = [*begins[1:], len(types)]
        for begin, end in zip(begins, ends, strict=True):
            sequences = [event["sequence"] for event in self.events[begin:end]]
            assert sequences == sorted(set(sequences)), f"the sequence rises: {sequences}"
        for name in ("sequence", "current", "percentage"):
            values = [event[name] for event in self.events]
            assert values == sorted(values), f"{name} never falls: {values}"
        estimates = [event["estimatedTimeRemaining"] for event in self.events]
        assert all(value is None or value >= 0 for value in estimates)
        assert all(event["elapsedTime"] >= 0 for event in self.events)

    def longest_silence(self) -> float:
        """Seconds between two events, at the most."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        return max((after - before for before, after in pairs), default=0.0)

    def connected_after(self, moment: float) -> float:
        """The monotonic moment of the first snapshot after another moment; 0 when there was none."""
        pairs = zip(self.arrivals, self.events, strict=False)
        return next((at for at, event in pairs if at > moment and event["type"] == "connected"), 0.0)


class Watchers:
    """A thread with watchers of both kinds, half and half, of some batches."""

    def __init__(self, stack, session_ids, count=2):
        self.url, self.headers = stack.url, stack.headers
        self.histories = {
            session_id: [History() for _ in range(max(1, count // len(session_ids)))] for session_id in session_ids
        }
        self.thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)
        self.thread.start()

    def all(self):
        """Every history."""
        return [history for histories in self.histories.values() for history in histories]

    def wait(self, seconds=90.0):
        """Until every watcher has its terminal event; then each is checked."""
        deadline = time.monotonic() + seconds
        self.thread.join(seconds)
        late = [history for history in self.all() if not history.ended]
        assert not late, f"{len(late)} watchers wait for the end; {late[0].events[-1:]}"
        assert time.monotonic() <= deadline + 1
        for history in self.all():
            history.check()
        return self.all()

    async def _watch(self):
        async with asyncio.TaskGroup() as group:
            for session_id, histories in self.histories.items():
                for number, history in enumerate(histories):
                    follow = self._by_websocket if number % 2 == 0 else self._by_event_source
                    group.create_task(self._again_and_again(follow, session_id, history))

    async def _again_and_again(self, follow, session_id, history):
        while not history.ended:
            with contextlib.suppress(*CUT_OFF):
                await follow(session_id, history)
            if not history.ended:
                await asyncio.sleep(RETRY_S)

    async def _by_websocket(self, session_id, history):
        url = f"{self.url.replace('http', 'ws', 1)}/ws/backtest/batch/{session_id}/"
        options = {"max_size": None, "open_timeout": 20, "additional_headers": self.headers}
        async with websockets.connect(url, **options) as connection:
            history.begins.append(len(history.events))
            async for text in connection:
                history.see(str(text))

    async def _by_event_source(self, session_id, history):
        url = f"{self.url}/api/backtest/batch/stream?sessionId={session_id}"
        async with (
            httpx.AsyncClient(timeout=30, verify=False, headers=self.headers) as client,
            aconnect_sse(client, "GET", url) as source,
        ):
            source.response.raise_for_status()  # a proxy without servers has an answer too
            history.begins.append(len(history.events))
            async for event in source.aiter_sse():
                if event.data:
                    history.see(event.data)


class Requests:
    """A thread that asks for something again and again, and writes down how long each answer took."""

    def __init__(self, url, every_s=0.1):
        self.url, self.every_s = url, every_s
        self.seconds, self.statuses = [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def stop(self):
        """The longest answer, in seconds."""
        self.over.set()
        self.thread.join(60)
        return max(self.seconds)

    def _ask(self):
        with httpx.Client(timeout=60) as client:
            while not self.over.is_set():
                began = time.monotonic()
                with contextlib.suppress(httpx.HTTPError, json.JSONDecodeError):
                    self.statuses.append(client.get(self.url).status_code)
                self.seconds.append(time.monotonic() - began)
                self.over.wait(self.every_s)
