# Generated from backtester/client/asynchronous/batch.py: edit that, then run `python -m tests.client.generate`.
"""One batch on a server: watch it, read its results, control it."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import WebSocketException

from backtester.client import calls, watching
from backtester.client.addresses import websocket_url
from backtester.client.answers import Holdout, Spent, Verdict
from backtester.client.connecting import EVENT_STREAM_OPTIONS, websocket
from backtester.client.errors import ClientError, Refused
from backtester.client.events import Event
from backtester.client.files import PartialFile, kind_of, read_parquet
from backtester.client.synchronous.connection import Connection

if TYPE_CHECKING:
    import pandas as pd

CONNECTION_ERRORS = (httpx.HTTPError, WebSocketException, OSError, ClientError)


class Batch:
    """One batch on a server.

    total, notes : the number of its tests, and what its user should know; only if this program started it
    """

    def __init__(
        self, connection: Connection, session_id: str, total: int | None = None, notes: Sequence[str] = ()
    ) -> None:
        self.id = session_id
        self.total = total
        self.notes = tuple(notes)
        self.page_url = f"{connection.url}/batches/{session_id}/"
        self._connection = connection

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} at {self._connection.url}>"

    def newest(self) -> Event:
        """Return the newest event."""
        return self._connection.answer(calls.newest(self.id))

    def watch(
        self,
        *,
        patience_s: float = watching.PATIENCE_S,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> Generator[Event, None]:
        """Yield each newer event until the batch has ended, across lost connections.

        patience_s : seconds without a server after which to raise Unreachable
        on_trouble : called with a message when the connection is lost; the next event means that it is back
        """
        watch = watching.Watch(patience_s=patience_s)
        while True:
            try:
                with closing(self._receive(watch.transport)) as texts:
                    for text in texts:
                        if (event := watch.receive(text)) is not None:
                            yield event
                        if watch.ended:
                            return
                pause = watch.stream_ended()
            except CONNECTION_ERRORS as error:
                pause = watch.connection_lost(error, now=time.monotonic())
                on_trouble(watching.describe(error))
            time.sleep(pause)

    def wait(self) -> Event:
        """Wait for the last event."""
        for event in self.watch():
            last = event
        return last

    def page(self, page: int = 1, **query: Any) -> dict[str, Any]:
        """Return a page of rows: `batch.page(2, sort="-sharpe", symbol="AAPL", min_trades=30, page_size=100)`."""
        return self._connection.answer(calls.page(self.id, {"page": page, **query}))

    def results(self, **filters: Any) -> "pd.DataFrame":
        """Return all finished tests with all columns; failed ones have a reason in `error`.

        filters : as for a page: `symbol="AAPL", min_sharpe=1, max_trades=500, sort="-sharpe"`
        """
        call = calls.export(self.id, "parquet", filters)
        retries = calls.Retries(call, self._connection.url)
        while True:
            try:
                with self._connection.stream(call) as response:
                    return read_parquet(response.read())
            except (httpx.TransportError, Refused) as error:
                pause = retries.pause_after(error)
            time.sleep(pause)

    def download(self, path: str | Path, *, on_bytes: Callable[[int], None] = lambda _: None, **filters: Any) -> Path:
        """Write the results to a .csv, .parquet or .json file, which appears once it is complete.

        on_bytes : called with the number of bytes so far
        """
        parts = self.exported(kind_of(Path(path)), **filters)
        with PartialFile(Path(path)) as file:
            for part in parts:
                file.write(part)
                on_bytes(file.size)
        return file.path

    def exported(self, kind: str, **filters: Any) -> Iterator[bytes]:
        """Yield the same file in parts. kind : csv, parquet or json"""
        try:
            with self._connection.stream(calls.export(self.id, kind, filters)) as response:
                yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise calls.unreachable(self._connection.url, error) from error

    def heatmap(self, **query: Any) -> dict[str, Any]:
        """Return two parameters against a metric: `x="fast", y="slow", metric="sharpe", symbol="AAPL"`."""
        return self._connection.answer(calls.heatmap(self.id, query))

    def combination(self, index: int) -> dict[str, Any]:
        """Return one combination: parameters, metrics, curves, trades, buy and hold."""
        return self._connection.answer(calls.combination(self.id, index))

    def verdict(self, *, wait: bool = True, **options: Any) -> Verdict:
        """Return the verdict on luck: `state`, `sentence` and its numbers.

        wait : until it is ready or unavailable; options : compute it with these (`shuffles=999`, `shuffle_block=20`)
        """
        verdict = self._connection.answer(calls.judge(self.id, options) if options else calls.verdict(self.id))
        while wait and verdict["status"] in ("waiting", "running"):
            time.sleep(watching.POLL_S)
            verdict = self._connection.answer(calls.verdict(self.id))
        return verdict

    def holdout(self) -> Holdout:
        """Return the locked days, and what they were spent on."""
        return self._connection.answer(calls.holdout(self.id))

    def spend_holdout(self, index: int) -> Spent:
        """Evaluate one row on the locked days, once; the second time is refused."""
        return self._connection.answer(calls.spend_holdout(self.id, index))

    def give_up_holdout(self) -> Holdout:
        """Spend the locked days on no row, so that other sweeps may use them."""
        return self._connection.answer(calls.give_up_holdout(self.id))

    def cancel(self) -> bool:
        """Cancel the batch; finished tests stay. Return False if it had ended already."""
        return self._connection.answer(calls.action(self.id, "cancel"))

    def pause(self) -> bool:
        """Pause the batch and its deadline."""
        return self._connection.answer(calls.action(self.id, "pause"))

    def resume(self) -> bool:
        """Go on after a pause."""
        return self._connection.answer(calls.action(self.id, "resume"))

    def retry(self) -> "Batch":
        """Start a new batch with the finished tests of this ended one; only the failed and missing are run."""
        answer = self._connection.answer(calls.retry(self.id))
        return Batch(self._connection, answer["sessionId"], answer["total"])

    def delete(self) -> None:
        """Delete the ended batch and its results."""
        self._connection.answer(calls.delete(self.id))

    def _receive(self, transport: str) -> Generator[str | bytes, None]:
        receivers = {watching.WEBSOCKET: self._websocket, watching.EVENT_STREAM: self._event_stream}
        return receivers.get(transport, self._polling)()

    def _websocket(self) -> Generator[str | bytes, None]:
        url = websocket_url(self._connection.url, self.id)
        with websocket(url, self._connection.headers) as connection:
            yield from connection

    def _event_stream(self) -> Generator[str | bytes, None]:
        parser = watching.EventStreamParser()
        with self._connection.stream(calls.event_stream(self.id), **EVENT_STREAM_OPTIONS) as response:
            for part in response.iter_bytes():
                yield from parser.feed(part)

    def _polling(self) -> Generator[str | bytes, None]:
        for _ in range(watching.POLLS):
            response = self._connection.send(calls.newest(self.id))
            yield response.content
            time.sleep(watching.POLL_S)
