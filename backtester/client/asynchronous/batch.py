"""One batch on a server: watch it, read its results, control it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from websockets.exceptions import WebSocketException

from backtester.client import calls, watching
from backtester.client.addresses import websocket_url
from backtester.client.answers import Holdout, Spent, Verdict
from backtester.client.asynchronous.connection import AsyncConnection
from backtester.client.connecting import EVENT_STREAM_OPTIONS, async_websocket
from backtester.client.errors import ClientError, Refused
from backtester.client.events import Event
from backtester.client.files import PartialFile, async_read_parquet, kind_of

if TYPE_CHECKING:
    import pandas as pd

CONNECTION_ERRORS = (httpx.HTTPError, WebSocketException, OSError, ClientError)


class AsyncBatch:
    """One batch on a server.

    total, notes : the number of its tests, and what its user should know; only if this program started it
    """

    def __init__(
        self, connection: AsyncConnection, session_id: str, total: int | None = None, notes: Sequence[str] = ()
    ) -> None:
        self.id = session_id
        self.total = total
        self.notes = tuple(notes)
        self.page_url = f"{connection.url}/batches/{session_id}/"
        self._connection = connection

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} at {self._connection.url}>"

    async def newest(self) -> Event:
        """Return the newest event."""
        return await self._connection.answer(calls.newest(self.id))

    async def watch(
        self,
        *,
        patience_s: float = watching.PATIENCE_S,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> AsyncGenerator[Event, None]:
        """Yield each newer event until the batch has ended, across lost connections.

        patience_s : seconds without a server after which to raise Unreachable
        on_trouble : called with a message when the connection is lost; the next event means that it is back
        """
        watch = watching.Watch(patience_s=patience_s)
        while True:
            try:
                async with aclosing(self._receive(watch.transport)) as texts:
                    async for text in texts:
                        if (event := watch.receive(text)) is not None:
                            yield event
                        if watch.ended:
                            return
                pause = watch.stream_ended()
            except CONNECTION_ERRORS as error:
                pause = watch.connection_lost(error, now=time.monotonic())
                on_trouble(watching.describe(error))
            await asyncio.sleep(pause)

    async def wait(self) -> Event:
        """Wait for the last event."""
        async for event in self.watch():
            last = event
        return last

    async def page(self, page: int = 1, **query: Any) -> dict[str, Any]:
        """Return a page of rows: `batch.page(2, sort="-sharpe", symbol="AAPL", min_trades=30, page_size=100)`."""
        return await self._connection.answer(calls.page(self.id, {"page": page, **query}))

    async def results(self, **filters: Any) -> "pd.DataFrame":
        """Return all finished tests with all columns; failed ones have a reason in `error`.

        filters : as for a page: `symbol="AAPL", min_sharpe=1, max_trades=500, sort="-sharpe"`
        """
        call = calls.export(self.id, "parquet", filters)
        retries = calls.Retries(call, self._connection.url)
        while True:
            try:
                async with self._connection.stream(call) as response:
                    return await async_read_parquet(await response.aread())
            except (httpx.TransportError, Refused) as error:
                pause = retries.pause_after(error)
            await asyncio.sleep(pause)

    async def download(
        self, path: str | Path, *, on_bytes: Callable[[int], None] = lambda _: None, **filters: Any
    ) -> Path:
        """Write the results to a .csv, .parquet or .json file, which appears once it is complete.

        on_bytes : called with the number of bytes so far
        """
        parts = self.exported(kind_of(Path(path)), **filters)
        with PartialFile(Path(path)) as file:
            async for part in parts:
                file.write(part)
                on_bytes(file.size)
        return file.path

    async def exported(self, kind: str, **filters: Any) -> AsyncIterator[bytes]:
        """Yield the same file in parts. kind : csv, parquet or json"""
        try:
            async with self._connection.stream(calls.export(self.id, kind, filters)) as response:
                async for part in response.aiter_bytes():
                    yield part
        except httpx.TransportError as error:
            raise calls.unreachable(self._connection.url, error) from error

    async def heatmap(self, **query: Any) -> dict[str, Any]:
        """Return two parameters against a metric: `x="fast", y="slow", metric="sharpe", symbol="AAPL"`."""
        return await self._connection.answer(calls.heatmap(self.id, query))

    async def combination(self, index: int) -> dict[str, Any]:
        """Return one combination: parameters, metrics, curves, trades, buy and hold."""
        return await self._connection.answer(calls.combination(self.id, index))

    async def verdict(self, *, wait: bool = True, **options: Any) -> Verdict:
        """Return the verdict on luck: `state`, `sentence` and its numbers.

        wait : until it is ready or unavailable; options : compute it with these (`shuffles=999`, `shuffle_block=20`)
        """
        verdict = await self._connection.answer(calls.judge(self.id, options) if options else calls.verdict(self.id))
        while wait and verdict["status"] in ("waiting", "running"):
            await asyncio.sleep(watching.POLL_S)
            verdict = await self._connection.answer(calls.verdict(self.id))
        return verdict

    async def holdout(self) -> Holdout:
        """Return the locked days, and what they were spent on."""
        return await self._connection.answer(calls.holdout(self.id))

    async def spend_holdout(self, index: int) -> Spent:
        """Evaluate one row on the locked days, once; the second time is refused."""
        return await self._connection.answer(calls.spend_holdout(self.id, index))

    async def give_up_holdout(self) -> Holdout:
        """Spend the locked days on no row, so that other sweeps may use them."""
        return await self._connection.answer(calls.give_up_holdout(self.id))

    async def cancel(self) -> bool:
        """Cancel the batch; finished tests stay. Return False if it had ended already."""
        return await self._connection.answer(calls.action(self.id, "cancel"))

    async def pause(self) -> bool:
        """Pause the batch and its deadline."""
        return await self._connection.answer(calls.action(self.id, "pause"))

    async def resume(self) -> bool:
        """Go on after a pause."""
        return await self._connection.answer(calls.action(self.id, "resume"))

    async def retry(self) -> "AsyncBatch":
        """Start a new batch with the finished tests of this ended one; only the failed and missing are run."""
        answer = await self._connection.answer(calls.retry(self.id))
        return AsyncBatch(self._connection, answer["sessionId"], answer["total"])

    async def delete(self) -> None:
        """Delete the ended batch and its results."""
        await self._connection.answer(calls.delete(self.id))

    def _receive(self, transport: str) -> AsyncGenerator[str | bytes, None]:
        receivers = {watching.WEBSOCKET: self._websocket, watching.EVENT_STREAM: self._event_stream}
        return receivers.get(transport, self._polling)()

    async def _websocket(self) -> AsyncGenerator[str | bytes, None]:
        url = websocket_url(self._connection.url, self.id)
        async with async_websocket(url, self._connection.headers) as connection:
            async for text in connection:
                yield text

    async def _event_stream(self) -> AsyncGenerator[str | bytes, None]:
        parser = watching.EventStreamParser()
        async with self._connection.stream(calls.event_stream(self.id), **EVENT_STREAM_OPTIONS) as response:
            async for part in response.aiter_bytes():
                for text in parser.feed(part):
                    yield text

    async def _polling(self) -> AsyncGenerator[str | bytes, None]:
        for _ in range(watching.POLLS):
            response = await self._connection.send(calls.newest(self.id))
            yield response.content
            await asyncio.sleep(watching.POLL_S)
